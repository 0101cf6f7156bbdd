import react from '@vitejs/plugin-react'
import { defineConfig } from 'vite'

/** Everything is served from the platform itself: no request leaves it, and nothing is inlined, so that a strict CSP holds. */
export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    target: 'es2023',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
})
