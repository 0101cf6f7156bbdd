import { z } from 'zod'
import { Digest, Instant } from '#kernel/wire.ts'

/** What is known about the trustworthiness of a version, as JSON. */

export const severities = ['danger', 'suspicious', 'info'] as const

export const FindingWire = z.object({
  /** `danger` runs code of its own, or reads files of the machine, when it is loaded; `suspicious` cannot be judged. */
  severity: z.enum(severities),
  what: z.string(),
})

export const FileScanWire = z.object({
  path: z.string(),
  format: z.enum(['pickle', 'archive', 'numpy', 'hdf5', 'onnx', 'other']),
  pickles: z.array(
    z.object({
      /** The file of an archive that it is in. */
      entry: z.string().optional(),
      opcodes: z.record(z.string(), z.int()),
      imports: z.array(z.string()),
      hasHiddenImport: z.boolean(),
      broken: z.string().optional(),
    }),
  ),
  findings: z.array(FindingWire),
})

export const ScanWire = z
  .object({
    /** The digest of the version's files that were read. */
    digest: Digest,
    at: Instant,
    /** The worst of all findings, or `clean`. */
    verdict: z.enum(['danger', 'suspicious', 'clean']),
    files: z.array(FileScanWire),
  })
  .meta({ title: 'ModelScan' })

export const SignatureCheckWire = z
  .object({
    /** Sigstore bundle [OpenSSF Model Signing 1.0]: save it as `model.sig` beside the files. */
    bundle: z.string(),
    publicKey: z.string().meta({ description: 'PEM.' }),
    /** What is wrong with it now; nothing, if it is empty. */
    problems: z.array(z.string()),
  })
  .meta({ title: 'ModelSignature' })

export const verdicts = ['approve', 'reject'] as const

export const ApprovalWire = z
  .object({
    id: z.string(),
    actor: z.string(),
    role: z.string(),
    verdict: z.enum(verdicts),
    reason: z.string(),
    /** The files that it is about: it says nothing of others. */
    digest: Digest,
    at: Instant,
  })
  .meta({ title: 'Approval' })

export const ApprovalStateWire = z
  .object({
    /** Approvals that the project asks for; 0 when it asks for none. */
    required: z.int(),
    approvals: z.array(ApprovalWire),
    /** What is still missing before it may go to production; nothing, if it is empty. */
    missing: z.array(z.string()),
  })
  .meta({ title: 'ApprovalState' })

export const ApprovalBody = z.strictObject({
  verdict: z.enum(verdicts),
  reason: z.string().min(1).max(1_000),
  digest: Digest.optional().meta({ description: 'What you looked at; refused when the version is something else.' }),
})

/** What only people know. Everything else in a card comes from the ledger. */
export const opinions = ['intendedUse', 'limitations', 'ethics', 'licence', 'contact', 'notes'] as const

export const CardWire = z
  .object({
    opinions: z.partialRecord(z.enum(opinions), z.object({ text: z.string(), actor: z.string(), at: Instant })),
    markdown: z.string(),
  })
  .meta({ title: 'ModelCard' })

export const CardBody = z.strictObject({
  opinions: z.partialRecord(z.enum(opinions), z.string().max(20_000)),
})
