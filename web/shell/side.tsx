import { Menu } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link, useNavigate, useParams } from '@tanstack/react-router'
import {
  Activity,
  Bell,
  Box,
  Check,
  ChevronsUpDown,
  Database,
  FlaskConical,
  GitBranch,
  House,
  Inbox,
  Rocket,
  SlidersHorizontal,
  Workflow,
  type LucideIcon,
} from 'lucide-react'
import { loop, projects } from '../api.ts'
import { useLiveness, type Liveness } from '../live.ts'
import { Mark } from './brand.tsx'
import { To } from './link.tsx'
import { ThemeSwitch } from './theme-switch.tsx'

const remembered = 'trainyard.project'
const undeclared = 'default'

/** The project that the navigation speaks of: that of the page, else the last one visited, else the first. */
function useProject(all: readonly string[]): string | undefined {
  const { project } = useParams({ strict: false })
  // Models of clients are of a project that nobody has declared: it has no other pages.
  if (project && (project !== undeclared || all.includes(project))) {
    localStorage.setItem(remembered, project)
    return project
  }
  const last = localStorage.getItem(remembered)
  return all.find(name => name === last) ?? all[0]
}

export function Side({ isOpen }: { isOpen: boolean }) {
  const { data } = useQuery(projects)
  const begun = data?.begun ?? []
  const all = [...(data?.items ?? []).map(({ name }) => name), ...begun]
  const project = useProject(all)
  return (
    <div id="side" className={isOpen ? 'side open' : 'side'}>
      <To to="/" className="brand">
        <Mark />
        Trainyard
      </To>
      {project && <ProjectSwitch projects={all} project={project} />}
      <Navigation project={project} isDeclared={project !== undefined && !begun.includes(project)} />
      <div className="side-foot">
        <LiveSign />
        <a href="/openapi.json" className="push">
          API
        </a>
        <ThemeSwitch />
      </div>
    </div>
  )
}

const places = [
  ['/p/$project/code', 'Code', GitBranch],
  ['/p/$project/data', 'Data & features', Database],
  ['/p/$project/pipelines', 'Pipelines & runs', Workflow],
  ['/p/$project/tuning', 'Tuning', SlidersHorizontal],
  ['/p/$project/models', 'Models', Box],
  ['/p/$project/deployments', 'Deployments', Rocket],
  ['/p/$project/monitors', 'Monitors', Activity],
  ['/p/$project/inbox', 'Inbox', Inbox],
  ['/p/$project/notifications', 'Notifications', Bell],
] as const satisfies readonly (readonly [string, string, LucideIcon])[]

const on = { 'data-on': 'true' }

function Navigation({ project, isDeclared }: { project: string | undefined; isDeclared: boolean }) {
  const { data } = useQuery(loop)
  const { approvals = 0, failedRuns = 0, openIncidents = 0 } = data?.attention ?? {}
  const waiting = approvals + failedRuns + openIncidents
  return (
    <nav className="nav" aria-label="Main">
      <Link to="/" activeOptions={{ exact: true }} activeProps={on}>
        <House size={16} aria-hidden />
        Home
      </Link>
      <Link to="/experiments" activeProps={on}>
        <FlaskConical size={16} aria-hidden />
        Experiments
      </Link>
      {places.map(([to, title, Icon]) =>
        project && (isDeclared || title === 'Models') ? (
          <Link key={to} to={to} params={{ project }} activeProps={on}>
            <Icon size={16} aria-hidden />
            {title}
            {title === 'Inbox' && waiting > 0 && (
              <span className="count" aria-label={`${waiting} waiting`}>
                {waiting}
              </span>
            )}
          </Link>
        ) : title === 'Models' ? (
          <Link key={to} to="/models" activeProps={on}>
            <Icon size={16} aria-hidden />
            {title}
          </Link>
        ) : (
          <span key={to} className="off" aria-disabled title="Apply a project first: trainyard apply">
            <Icon size={16} aria-hidden />
            {title}
          </span>
        ),
      )}
    </nav>
  )
}

function ProjectSwitch({ projects: all, project }: { projects: readonly string[]; project: string }) {
  const navigate = useNavigate()
  return (
    <Menu position="bottom-start" width="target" transitionProps={{ duration: 60 }}>
      <Menu.Target>
        <button type="button" className="switch" aria-label={`Project ${project}, choose another`}>
          <span className="clip">{project}</span>
          <ChevronsUpDown size={14} className="muted" aria-hidden />
        </button>
      </Menu.Target>
      <Menu.Dropdown>
        {all.map(name => (
          <Menu.Item
            key={name}
            rightSection={name === project ? <Check size={14} /> : undefined}
            onClick={() => void navigate({ to: '/p/$project', params: { project: name } })}
          >
            {name}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  )
}

const liveWords: Readonly<Record<Liveness, readonly [tone: string, text: string, title: string]>> = {
  connecting: ['none', 'Connecting', 'The event stream is being opened.'],
  live: ['ok', 'Live', 'Pages change as events arrive.'],
  polling: ['warn', 'Every 10 s', 'The event stream is not available; pages are asked for again every ten seconds.'],
}

function LiveSign() {
  const [tone, text, title] = liveWords[useLiveness()]
  return (
    <output className={`state tone-${tone}`} title={title}>
      <i className="dot" />
      {text}
    </output>
  )
}
