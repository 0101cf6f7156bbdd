import { useParams } from '@tanstack/react-router'
import { Page } from '../shell/page.tsx'
import { Panel } from '../shell/panel.tsx'
import { Channels } from './notification-channels.tsx'
import { NotificationFilters, NotificationLog } from './notification-log.tsx'

/** Who is told of what, and what became of the telling? */
export function NotificationsPage() {
  const { project } = useParams({ from: '/p/$project/notifications' })
  return (
    <Page title="Notifications" above={[[project, `/p/${project}`]]}>
      <Panel title="Channels" note="who is told of what" flush>
        <Channels project={project} />
      </Panel>
      <Panel
        title="Messages"
        note="kept before they are sent, and tried for a day"
        actions={<NotificationFilters project={project} />}
        flush
        lines={8}
      >
        <NotificationLog project={project} />
      </Panel>
    </Page>
  )
}
