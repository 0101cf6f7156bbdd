/** What a process needs that only posts to the addresses of others, and nothing else: it begins sooner without the rest. */
export { createGuardedPost, type GuardedPost } from './guarded-post.ts'
export { forADay } from './retry.ts'
export { signatureOf, signingKey } from './signature.ts'
