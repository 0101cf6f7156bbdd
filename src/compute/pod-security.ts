import type { V1PodSecurityContext, V1SecurityContext } from '@kubernetes/client-node'

/** What pods of the platform may do: the `restricted` level of Kubernetes' Pod Security Standards. */

/** All of the pod runs as one user, who is not root, and its volumes are that user's. */
export const podSecurity = (user: number): V1PodSecurityContext => ({
  runAsNonRoot: true,
  runAsUser: user,
  runAsGroup: user,
  fsGroup: user,
  seccompProfile: { type: 'RuntimeDefault' },
})

export const containerSecurity = () =>
  ({ allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } }) satisfies V1SecurityContext
