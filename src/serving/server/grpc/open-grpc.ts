import type { AddressInfo } from 'node:net'
import type { Inherited } from '../handover.ts'
import type { listenGrpc, ModelGrpc } from './listen-grpc.ts'

export interface GrpcPlace {
  readonly host: string
  /** 0 is a free one, null none. */
  readonly port: number | null
  /** The port of the process before, for who takes a free one. */
  readonly kept: number | undefined
  /** The listening socket of the process before, when it is still there. */
  readonly inherited: Inherited | undefined
}

/** Of a killed process the sockets may be there for a moment longer than the process, in milliseconds. */
const leavingMsMax = 2_000
const retryMs = 50

/**
 * Answers gRPC where it is wanted; its code is loaded only then. Rejects with a sentence when its port is another
 * program's.
 */
export async function openGrpc(
  edge: Parameters<typeof listenGrpc>[0],
  { host, port, kept, inherited }: GrpcPlace,
): Promise<ModelGrpc | undefined> {
  const isSame = inherited && port !== null && (port === 0 || port === (inherited.socket.address() as AddressInfo).port)
  if (inherited && !isSame) inherited.socket.close()
  if (port === null) return undefined
  const { listenGrpc } = await import('./listen-grpc.ts')
  if (isSame) {
    const grpc = await listenGrpc(edge, inherited.socket)
    inherited.handOn(grpc.socket)
    return grpc
  }
  const wanted = port === 0 ? (kept ?? 0) : port
  for (const deadline = Date.now() + leavingMsMax; ; await new Promise(resolve => setTimeout(resolve, retryMs))) {
    try {
      return await listenGrpc(edge, { host, port: wanted })
    } catch (error) {
      if ((error as { code?: string }).code !== 'EADDRINUSE') throw error
      if (Date.now() < deadline) continue
      if (port === 0) return listenGrpc(edge, { host, port: 0 })
      throw new Error(`Port ${port} of ${host} is taken by another program: setting servingGrpcPort.`, { cause: error })
    }
  }
}
