/** An attempt is its owner's for so long, unless the owner says that it is still there. */
export const leaseMs = 8_000
