import { Fragment } from 'react'

/** Text in which what stands between backticks is code. */
export const Prose = ({ text }: { text: string }) =>
  text
    .split('`')
    .map((part, index) => (index % 2 === 0 ? <Fragment key={index}>{part}</Fragment> : <code key={index}>{part}</code>))
