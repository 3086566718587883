/** `npm run demo`: two scripted days. `npm run demo -- --chat`: you are the customer. */
import { withDataDir } from './data-dir.js'
import { playPrompt } from './demo/prompt.js'
import { playScript } from './demo/script.js'
import { heading } from './demo/terminal.js'

const args = process.argv.slice(2)
const unknown = args.filter((arg) => arg !== '--chat')

if (unknown.length > 0) {
  console.error(`Unknown option ${unknown.join(' ')}. Use nothing, or --chat.`)
  process.exitCode = 2
} else {
  try {
    heading('BMC Uruguay: five agents, one system')
    await withDataDir(process.env.BMC_DATA_DIR, args.includes('--chat') ? playPrompt : playScript)
    heading('✅ Done')
  } catch (error) {
    console.error(`\n❌ The demo failed: ${error instanceof Error ? error.message : String(error)}`)
    if (error instanceof Error && error.cause !== undefined) console.error(error.cause)
    process.exitCode = 1
  }
}
