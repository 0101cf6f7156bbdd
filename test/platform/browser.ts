import type { TestContext } from 'node:test'
import { chromium, type Browser, type Page } from 'playwright-core'
import { findProgram } from '#kernel/program.ts'

/** How a page is looked at. */
export interface Look {
  readonly width: number
  readonly scheme: 'light' | 'dark'
}

export const desk: Look = { width: 1440, scheme: 'light' }
export const telephone: Look = { width: 390, scheme: 'dark' }

/** A reader of the pages of one platform, who notes what a browser complains about. */
export interface Reader {
  readonly page: Page
  /** Errors and warnings of the console, failed requests and answers, requests to elsewhere. */
  readonly faults: readonly string[]
  /** Opens a path and waits until nothing of it is still being fetched. Throws when that does not come to pass. */
  open(path: string): Promise<void>
}

const names = ['chromium', 'chromium-browser', 'google-chrome']
const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The browser of the machine: that of TRAINYARD_TEST_CHROMIUM, else the first on the path. */
export const findBrowser = (): string | undefined =>
  process.env['TRAINYARD_TEST_CHROMIUM'] || findProgram(names, process.env['PATH'])

/** Opens a browser. It is closed after the test. */
export async function openBrowser(t: TestContext, executablePath: string): Promise<Browser> {
  const browser = await chromium.launch({ executablePath, args: flags })
  t.after(() => browser.close())
  return browser
}

const patienceMs = 30_000

export async function readerOf(browser: Browser, url: string, { width, scheme }: Look): Promise<Reader> {
  const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme: scheme })
  context.setDefaultTimeout(patienceMs)
  const page = await context.newPage()
  const faults: string[] = []
  const note = (fault: string): void => void faults.push(`${new URL(page.url()).pathname}: ${fault}`)
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) note(message.text())
  })
  page.on('pageerror', error => note(error.message))
  page.on('request', request => {
    const { origin, protocol } = new URL(request.url())
    if (protocol.startsWith('http') && origin !== url) note(`asked ${request.url()}`)
  })
  page.on('requestfailed', request => {
    const why = request.failure()?.errorText
    // What a page still waits for when it is left.
    if (why !== 'net::ERR_ABORTED') note(`${request.url()} ${why}`)
  })
  page.on('response', response => {
    if (response.status() >= 400) note(`${response.status()} ${response.url()}`)
  })
  return {
    page,
    faults,
    async open(path) {
      await page.goto(url + path, { waitUntil: 'load' })
      await page.getByRole('heading', { level: 1 }).waitFor()
      await page.getByLabel('Loading').first().waitFor({ state: 'detached' })
    },
  }
}

/** By how many pixels the page is wider than its window. */
export const overflowOf = (page: Page): Promise<number> =>
  page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')

/** What is wrong with the looks of pages: wider than the window, in the colours of the other theme, or in trouble. */
export async function wrongAt(
  { page, open }: Reader,
  paths: readonly string[],
  scheme: string,
): Promise<readonly string[]> {
  const wrong: string[] = []
  for (const path of paths) {
    await open(path)
    const overflow = await overflowOf(page)
    if (overflow > 0) wrong.push(`${path} is ${overflow} px too wide`)
    if ((await page.getByRole('alert').count()) > 0) wrong.push(`${path} shows an error`)
    const shown = await page.evaluate('document.documentElement.dataset.mantineColorScheme')
    if (shown !== scheme) wrong.push(`${path} is ${String(shown)}`)
  }
  return wrong
}
