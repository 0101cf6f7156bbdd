import type { Station } from '../../wire.ts'

interface Point {
  readonly x: number
  readonly y: number
}

export interface RingLink {
  /** SVG path from one station to the next, clockwise. */
  readonly path: string
  /** The two rails beside it, as one SVG path. */
  readonly rails: string
  /** Half way along what is seen of it, where an arrowhead or a badge stands. */
  readonly middle: Point
  /** Direction of travel there, in degrees clockwise from the x axis. */
  readonly angle: number
}

interface Ring {
  readonly stations: readonly Point[]
  /** Link i leads from station i − 1 to station i; link 0 closes the ring. */
  readonly links: readonly RingLink[]
}

/** Half the gauge, and the distance of two points of a rail: fine enough to look round. */
const gauge = 4
const step = 8

/**
 * `count` stations at equal distances on an oval of track within `width` × `height`, the first at the top, clockwise.
 * `inset` is half of a station's box: the room that it needs around its centre, and what it hides of the track.
 */
export function ringOf({
  count,
  width,
  height,
  inset,
}: {
  count: number
  width: number
  height: number
  inset: Point
}): Ring {
  const oval = ovalOf({ x: width / 2, y: height / 2 }, { x: width / 2 - inset.x, y: height / 2 - inset.y }, count)
  const distance = oval.length / count
  const stations = Array.from({ length: count }, (_, index) => pointOf(oval.at(index * distance)))
  const links = stations.map((end, index) => {
    const from = (index - 1) * distance
    const pieces = Math.ceil(distance / step)
    const places = Array.from({ length: pieces + 1 }, (__, piece) => oval.at(from + (piece / pieces) * distance))
    const hides = (station: Point, { x, y }: Place): boolean =>
      Math.abs(x - station.x) < inset.x && Math.abs(y - station.y) < inset.y
    const seen = places.filter(place => !hides(stations.at(index - 1)!, place) && !hides(end, place))
    const middle = seen[Math.floor(seen.length / 2)] ?? oval.at(from + distance / 2)
    return {
      path: pathOf(places),
      rails: [gauge, -gauge].map(side => pathOf(places.map(place => beside(place, side)))).join(' '),
      middle: pointOf(middle),
      angle: Math.round((middle.angle * 180) / Math.PI),
    }
  })
  return { stations, links }
}

/** A point of the track, and the direction of travel there in radians clockwise from the x axis. */
interface Place extends Point {
  readonly angle: number
}

const bendMin = 40

/**
 * A rectangle with these half axes and round corners: its length, and where one is after a distance from its top,
 * clockwise. The corners are as round as lets the neighbours of the first station stand at the ends of its straight;
 * where that cannot be, they are half circles.
 */
function ovalOf(centre: Point, radius: Point, count: number): { length: number; at(distance: number): Place } {
  const roundest = Math.min(radius.x, radius.y)
  const fitting = ((count - 4) * radius.x - 4 * radius.y) / (count - 8 + 2 * Math.PI)
  const bend = fitting >= bendMin && fitting <= roundest ? fitting : roundest
  const [wide, high, corner] = [radius.x - bend, radius.y - bend, (Math.PI / 2) * bend]
  const half = 2 * (wide + high + corner)
  /** The right half; the left one is the same, turned about the centre. */
  const right = (distance: number): Place => {
    const down = distance - wide - corner
    const under = down - 2 * high
    if (distance < wide) return { x: distance, y: -radius.y, angle: 0 }
    if (down < 0)
      return { ...turn(wide, -high, (distance - wide) / bend - Math.PI / 2), angle: (distance - wide) / bend }
    if (under < 0) return { x: radius.x, y: down - high, angle: Math.PI / 2 }
    if (under < corner) return { ...turn(wide, high, under / bend), angle: Math.PI / 2 + under / bend }
    return { x: wide - (under - corner), y: radius.y, angle: Math.PI }
  }
  const turn = (x: number, y: number, angle: number): Point => ({
    x: x + bend * Math.cos(angle),
    y: y + bend * Math.sin(angle),
  })
  return {
    length: 2 * half,
    at(distance) {
      const along = ((distance % (2 * half)) + 2 * half) % (2 * half)
      const turned = along >= half
      const { x, y, angle } = right(turned ? along - half : along)
      return turned
        ? { x: centre.x - x, y: centre.y - y, angle: angle - Math.PI }
        : { x: centre.x + x, y: centre.y + y, angle }
    },
  }
}

const pointOf = ({ x, y }: Point): Point => ({ x: round(x), y: round(y) })
const beside = ({ x, y, angle }: Place, side: number): Point => ({
  x: x - side * Math.sin(angle),
  y: y + side * Math.cos(angle),
})
const pathOf = (points: readonly Point[]): string =>
  `M ${points.map(({ x, y }) => `${round(x)} ${round(y)}`).join(' L ')}`
const round = (value: number): number => Math.round(value * 10) / 10

type LinkState = 'clear' | 'moving' | 'lag' | 'idle'

/** How the link into a station looks: work is under way there, it lags behind its neighbour, or nothing has come yet. */
export function linkState({ state, lag }: Station): LinkState {
  if (state === 'running') return 'moving'
  if (lag) return 'lag'
  return state === 'none' ? 'idle' : 'clear'
}

const severity: Readonly<Record<Station['state'], number>> = { fail: 3, warn: 2, running: 1, ok: 0, none: 0 }

/** Larger is worse: the sum over the stations, a lag counting as much as work under way. */
export const worry = (stations: readonly Station[]): number =>
  stations.reduce((sum, station) => sum + severity[station.state] * 10 + (station.lag ? 5 : 0), 0)
