import { randomInt } from 'node:crypto'

/** A name for a run that was given none: memorable, and most likely its only one. */
export const randomName = (): string => `${pick(adjectives)}-${pick(animals)}-${randomInt(1_000)}`

const pick = (words: readonly string[]): string => words[randomInt(words.length)]!

const adjectives = words(`
  able amber ancient bold brave bright brisk calm careful cheerful clever cosy crisp curious dapper daring deep eager
  early easy fair fancy fast gentle glad golden grand happy hardy honest humble jolly keen kind late lively loyal lucky
  mellow merry mighty modest neat nimble noble patient placid plucky polite proud quick quiet rapid rare ready rich
  rosy royal serene sharp shy silent silver sleek smart smooth sober spry steady stately sunny swift tall tidy tranquil
  upbeat valiant vivid warm whimsical wise witty young zesty`)

const animals = words(`
  ant badger bat bear beaver bee bison boar bream buzzard carp cat colt cow crab crane crow cub deer dog dolphin donkey
  dove duck eagle eel elk falcon fawn ferret finch fish flea fly foal fowl fox frog gnat gnu goat goose grouse gull hare
  hawk hen heron hog horse hound jay kite koala lamb lark lynx mare mink mole moose moth mouse mule newt otter owl ox
  panda perch pig pug quail ram rat raven roo rook seal shad shark sheep shoat shrew shrimp skink skunk sloth slug snail
  snake sow squid stag steed stoat stork swan tern toad trout turtle vole wasp whale wolf worm wren yak zebra`)

function words(text: string): readonly string[] {
  return text.trim().split(/\s+/)
}
