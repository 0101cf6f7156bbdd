import { Button, Modal, Textarea } from '@mantine/core'
import { useId, useState, type ReactNode } from 'react'
import { Trouble } from './trouble.tsx'

interface ReasonButtonProps {
  readonly label: string
  readonly icon?: ReactNode
  /** What will happen, in one or two sentences. */
  readonly explain: ReactNode
  readonly onConfirm: (reason: string) => Promise<unknown>
  readonly danger?: boolean
  readonly primary?: boolean
  /** Why it cannot be done now: the button stays, and says so. */
  readonly disabledReason?: string | undefined
  readonly defaultReason?: string
  /** Whether a reason goes on record with the change; without one it is only asked whether it is meant. */
  readonly isReasoned?: boolean
  /** More of the form, above the reason. */
  readonly children?: ReactNode
}

/** A change that takes a second look, most with a reason for the record: asks, does it, shows what the server says against it. */
export function ReasonButton({
  label,
  icon,
  explain,
  onConfirm,
  danger = false,
  primary = false,
  disabledReason,
  defaultReason = '',
  isReasoned = true,
  children,
}: ReasonButtonProps) {
  const [isOpen, setOpen] = useState(false)
  const why = useId()
  const close = (): void => setOpen(false)
  return (
    <>
      <Button
        size="xs"
        color={danger ? 'danger' : 'ink'}
        variant={primary ? 'filled' : 'default'}
        leftSection={icon}
        aria-disabled={disabledReason !== undefined}
        {...(disabledReason === undefined ? {} : { 'data-disabled': true })}
        aria-describedby={disabledReason ? why : undefined}
        title={disabledReason}
        onClick={() => disabledReason === undefined && setOpen(true)}
      >
        {label}
      </Button>
      {disabledReason !== undefined && (
        <span id={why} className="hidden">
          {disabledReason}
        </span>
      )}
      <Modal
        opened={isOpen}
        onClose={close}
        title={label}
        centered
        lockScroll={false}
        transitionProps={{ duration: 80 }}
      >
        <ReasonForm
          label={label}
          explain={explain}
          danger={danger}
          defaultReason={defaultReason}
          isReasoned={isReasoned}
          onConfirm={onConfirm}
          onDone={close}
        >
          {children}
        </ReasonForm>
      </Modal>
    </>
  )
}

interface ReasonFormProps {
  readonly label: string
  readonly explain: ReactNode
  readonly danger: boolean
  readonly defaultReason: string
  readonly isReasoned: boolean
  readonly onConfirm: (reason: string) => Promise<unknown>
  readonly onDone: () => void
  readonly children: ReactNode
}

function ReasonForm({
  label,
  explain,
  danger,
  defaultReason,
  isReasoned,
  onConfirm,
  onDone,
  children,
}: ReasonFormProps) {
  const [reason, setReason] = useState(defaultReason)
  const [isBusy, setBusy] = useState(false)
  const [error, setError] = useState<Error>()
  const submit = async (event: React.FormEvent): Promise<void> => {
    event.preventDefault()
    setBusy(true)
    setError(undefined)
    await onConfirm(reason.trim()).then(onDone, setError)
    setBusy(false)
  }
  return (
    <form className="stack" onSubmit={event => void submit(event)}>
      <p className="soft">{explain}</p>
      {children}
      {isReasoned && (
        <Textarea
          label="Reason"
          description="Recorded with the change, for whoever asks later."
          value={reason}
          onChange={event => setReason(event.currentTarget.value)}
          required
          autosize
          minRows={2}
          data-autofocus
        />
      )}
      {error && <Trouble error={error} />}
      <div className="row">
        <Button
          type="submit"
          size="xs"
          color={danger ? 'danger' : 'ink'}
          loading={isBusy}
          disabled={isReasoned && reason.trim() === ''}
        >
          {label}
        </Button>
        <Button size="xs" variant="subtle" onClick={onDone}>
          Keep it as it is
        </Button>
      </div>
    </form>
  )
}
