/** Column types as they are in a dataset version. */
export const columnTypes = ['boolean', 'integer', 'number', 'string', 'date', 'timestamp'] as const
export type ColumnType = (typeof columnTypes)[number]
