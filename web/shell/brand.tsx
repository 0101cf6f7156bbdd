/** The mark: a loop of track with two stations. */
export const Mark = ({ size = 22 }: { size?: number }) => (
  <svg width={size} height={size} viewBox="0 0 22 22" aria-hidden>
    <rect x="2" y="5" width="18" height="12" rx="6" fill="none" stroke="currentColor" strokeWidth="2" />
    <circle cx="8" cy="5" r="3.1" fill="var(--accent)" stroke="var(--ground)" strokeWidth="1.5" />
    <circle cx="14.5" cy="17" r="3.1" fill="var(--ok)" stroke="var(--ground)" strokeWidth="1.5" />
  </svg>
)
