/** A value of a query's row, or a parameter, as people read it. */
export const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value)) ?? ''
