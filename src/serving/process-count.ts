/** A process has its own copy of the models: beyond this many, memory is what more of them cost, and seldom what is wanted. */
const usualMax = 8
/** What a process takes with small models, in bytes [measured: benchmarks/serving-soak.ts], and the share that all may have. */
const [processBytes, memoryShare] = [128 * 1024 * 1024, 0.25]

/** How many processes of the model server answer where nobody says: one for each core, as far as they are worth their memory. */
export const usualProcesses = ({ cores, memoryBytes }: { cores: number; memoryBytes: number }): number =>
  Math.max(1, Math.min(cores, usualMax, Math.floor((memoryBytes * memoryShare) / processBytes)))
