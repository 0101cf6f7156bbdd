import { useMantineColorScheme, type MantineColorScheme } from '@mantine/core'
import { Moon, Sun, SunMoon, type LucideIcon } from 'lucide-react'

const schemes: Readonly<Record<MantineColorScheme, readonly [LucideIcon, string, MantineColorScheme]>> = {
  auto: [SunMoon, 'Colours follow the system; switch to light', 'light'],
  light: [Sun, 'Light colours; switch to dark', 'dark'],
  dark: [Moon, 'Dark colours; switch to those of the system', 'auto'],
}

/** System, light, dark. */
export function ThemeSwitch() {
  const { colorScheme, setColorScheme } = useMantineColorScheme({ keepTransitions: true })
  const [Icon, label, next] = schemes[colorScheme]
  return (
    <button type="button" className="copy" aria-label={label} title={label} onClick={() => setColorScheme(next)}>
      <Icon size={15} />
    </button>
  )
}
