import { createTheme, MantineProvider, type MantineColorsTuple } from '@mantine/core'
import { QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { RouterProvider } from '@tanstack/react-router'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { Problem } from './http.ts'
import { createUi } from './routes.tsx'
import './style/index.css'

/** Mantine wants ten shades; style/tokens.css gives the ones that are used their values. */
const shades = (name: string): MantineColorsTuple =>
  Array.from({ length: 10 }, () => `var(--mantine-color-${name}-filled)`) as unknown as MantineColorsTuple

const theme = createTheme({
  primaryColor: 'ink',
  colors: { ink: shades('ink'), danger: shades('danger') },
  components: { Button: { defaultProps: { fw: 550 } } },
})

const cache = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 20_000,
      // What the server has decided will not change by asking again; what did not arrive may.
      retry: (count, error) => count < 2 && !(error instanceof Problem && error.status >= 400 && error.status < 500),
      retryDelay: 400,
    },
  },
})

// After an upgrade the pages of an open tab are gone from the server: the tab is loaded anew. Not twice in a row.
const reloadAfterMs = 10_000
addEventListener('vite:preloadError', () => {
  if (performance.now() > reloadAfterMs) location.reload()
})

/** What the API says is on the page already; anything else is a fault, and told to whoever looks. */
const onCaughtError = (error: unknown): void => {
  if (!(error instanceof Problem)) reportError(error)
}

// Mantine's own <style> elements are switched off: a strict CSP would refuse them. style/ has all rules.
createRoot(document.getElementById('root')!, { onCaughtError }).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" withCssVariables={false} withGlobalClasses={false}>
      <QueryClientProvider client={cache}>
        <RouterProvider router={createUi()} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
)
