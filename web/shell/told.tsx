import { Fragment } from 'react'
import { capital, idInText } from '../format.ts'
import { Ref } from './link.tsx'

/** A sentence of the server, in which each id leads to the page of its thing. */
export const Told = ({ text, project }: { text: string; project: string }) =>
  capital(text)
    .split(new RegExp(idInText))
    .map((part, index) =>
      index % 2 === 0 ? <Fragment key={index}>{part}</Fragment> : <Ref key={index} id={part} project={project} />,
    )
