import type uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'

/** Draws a plot now and whenever the theme changes, always as wide as its place. Answers how to take it away. */
export function keepPlot(element: HTMLElement, height: number, make: () => uPlot): () => void {
  let plot: uPlot | undefined
  const draw = (): void => {
    plot?.destroy()
    element.replaceChildren()
    plot = make()
  }
  draw()
  const resize = new ResizeObserver(() => plot?.setSize({ width: element.clientWidth, height }))
  resize.observe(element)
  const theme = new MutationObserver(draw)
  theme.observe(document.documentElement, { attributeFilter: ['data-mantine-color-scheme'] })
  return () => {
    resize.disconnect()
    theme.disconnect()
    plot?.destroy()
  }
}

const characterPx = 6.5
const gapPx = 18

/** How wide an axis at the side is: so that the longest of its labels is whole. */
export const sideOf =
  (leastPx: number): uPlot.Axis.Size =>
  (_, labels) =>
    Math.max(leastPx, Math.max(0, ...(labels ?? []).map(label => label.length)) * characterPx + gapPx)

/** Above, and at the right for the half of the last label under the axis. */
export const padding: uPlot.Padding = [8, 20, 0, 0]

/** The colours of the theme as they are now, and an axis in them. */
export function inkOf(element: HTMLElement): { token(name: string): string; axis: uPlot.Axis } {
  const style = getComputedStyle(element)
  const token = (name: string): string => style.getPropertyValue(`--${name}`).trim()
  const axis = {
    stroke: token('ink-3'),
    font: `11px ${token('sans')}`,
    grid: { stroke: token('line'), width: 1 },
    ticks: { show: false },
  }
  return { token, axis }
}
