import type { outputKinds } from './task-spec.ts'

/** What an output is; platform tasks have kinds of their own. */
export type OutputKind = (typeof outputKinds)[number] | 'features' | 'online' | 'report' | 'evaluation' | 'version'
