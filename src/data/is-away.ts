/**
 * Whether a failure says that the database is away, so that trying again later is right: by its code one of the network's,
 * of PostgreSQL's classes 08 (connection), 53 (resources) and 57P (shutdown), or MySQL's word for the same.
 */
export const isAway = (error: { readonly code?: unknown }): boolean =>
  typeof error.code === 'string' &&
  /^(E[A-Z]+|08...|53...|57P..|PROTOCOL_CONNECTION_LOST|ER_CON_COUNT_ERROR|ER_SERVER_SHUTDOWN|ER_LOCK_\w+)$/.test(
    error.code,
  )
