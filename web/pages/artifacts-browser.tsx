import { useQuery, useSuspenseQuery } from '@tanstack/react-query'
import { useNavigate, useSearch } from '@tanstack/react-router'
import { ChevronRight, Download, File, Folder } from 'lucide-react'
import { useState } from 'react'
import { artifactsOf, artifactTextOf, artifactUrl } from '../api-tracking.ts'
import { nameOf, previewOf, readable } from '../artifact-kind.ts'
import { bytes } from '../format.ts'
import { Skeleton } from '../ui/card.tsx'
import { Empty } from '../ui/empty.tsx'
import { Trouble } from '../ui/trouble.tsx'
import type { ArtifactEntry } from '../wire.ts'

const here = '/experiments/$experiment/runs/$run'

/** Files of a run: folders are listed when they are opened, and a file is shown where that is safe. */
export function ArtifactsBrowser({ run }: { run: string }) {
  const { path: chosen } = useSearch({ from: here })
  const navigate = useNavigate({ from: here })
  const choose = (path: string): void =>
    void navigate({ search: before => ({ ...before, path }), replace: true, resetScroll: false })
  const { data } = useSuspenseQuery(artifactsOf(run, ''))
  if ((data.files ?? []).length === 0) return <Empty title="No file was logged" />
  return (
    <div className="files">
      <FolderList run={run} path="" chosen={chosen} onChoose={choose} />
      <div className="file-view">
        {chosen === undefined ? (
          <p className="muted small card-body">Choose a file to look at it.</p>
        ) : (
          <FileView key={chosen} run={run} path={chosen} />
        )}
      </div>
    </div>
  )
}

interface FolderProps {
  readonly run: string
  readonly path: string
  readonly chosen: string | undefined
  readonly onChoose: (path: string) => void
}

function FolderList({ run, path, chosen, onChoose }: FolderProps) {
  const { data, error } = useQuery(artifactsOf(run, path))
  if (error) return <Trouble error={error} />
  if (!data) return <Skeleton lines={3} />
  const { files = [] } = data
  return (
    <ul className="file-list" {...(path === '' && { 'aria-label': 'Artifacts' })}>
      {files.map(file =>
        file.is_dir ? (
          <FolderItem key={file.path} run={run} path={file.path} chosen={chosen} onChoose={onChoose} />
        ) : (
          <li key={file.path}>
            <button type="button" data-selected={file.path === chosen} onClick={() => onChoose(file.path)}>
              <File size={13} aria-hidden />
              <span className="clip">{nameOf(file.path)}</span>
              <span className="muted small push num">{bytes(file.file_size ?? 0)}</span>
            </button>
          </li>
        ),
      )}
    </ul>
  )
}

function FolderItem(props: FolderProps) {
  const { path, chosen } = props
  const [isOpen, setOpen] = useState(chosen?.startsWith(`${path}/`) ?? false)
  return (
    <li>
      <button type="button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <ChevronRight size={13} aria-hidden className={isOpen ? 'turned' : undefined} />
        <Folder size={13} aria-hidden />
        <span className="clip">{nameOf(path)}</span>
      </button>
      {isOpen && <FolderList {...props} />}
    </li>
  )
}

function FileView({ run, path }: { run: string; path: string }) {
  const folder = path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : ''
  const { data, error } = useQuery(artifactsOf(run, folder))
  const file = data?.files?.find(each => each.path === path)
  if (error) return <Trouble error={error} />
  if (!data) return <Skeleton lines={4} />
  if (!file) return <p className="muted small card-body">There is no file {path}.</p>
  return (
    <>
      <div className="file-head row">
        <code className="clip">{path}</code>
        <span className="muted small">{bytes(file.file_size ?? 0)}</span>
        <a className="push row small" href={artifactUrl(run, path)} download={nameOf(path)}>
          <Download size={13} aria-hidden /> Download
        </a>
      </div>
      <Look run={run} file={file} />
    </>
  )
}

/** Text is text, whatever it says; an image goes through the decoder alone. Nothing of a user is a document of this origin. */
function Look({ run, file }: { run: string; file: ArtifactEntry }) {
  const kind = previewOf(file)
  if (file.file_size === undefined) return <p className="muted small card-body">The file is empty.</p>
  if (kind === 'image')
    return (
      <figure className="file-image">
        <img src={artifactUrl(run, file.path)} alt={nameOf(file.path)} />
      </figure>
    )
  if (kind === 'text') return <TextOf run={run} path={file.path} size={file.file_size} />
  return <p className="muted small card-body">Files of this kind are not shown here. Download it.</p>
}

function TextOf({ run, path, size }: { run: string; path: string; size: number }) {
  const { data, error } = useQuery(artifactTextOf(run, path))
  if (error) return <Trouble error={error} />
  if (data === undefined) return <Skeleton lines={6} />
  return (
    <>
      {/* A long file scrolls: it must be reachable by keyboard. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex */}
      <pre className="file-text" tabIndex={0} aria-label={`Text of ${path}`}>
        {readable(path, data)}
      </pre>
      {data.length < size && <p className="muted small card-body">The beginning. The rest is in the download.</p>}
    </>
  )
}
