import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const here = dirname(fileURLToPath(import.meta.url))
const root = join(here, '../..')

/** A diagnostic as a reader sees it: where it points, what stands there, what it says first. */
export interface Complaint {
  readonly file: string
  /** `line:column`, from 1. */
  readonly at: string
  /** The text that is underlined. */
  readonly text: string
  readonly code: number
  readonly message: string
}

/** What came of compiling some programs. */
export interface Compiled {
  readonly complaints: readonly Complaint[]
  readonly instantiations: number
}

const sourceFiles = new Map<string, ts.SourceFile | undefined>()

/**
 * Compiles programs that stand, as far as imports go, in this folder; under the options of the repository.
 * @param programs - text by file name.
 */
export function compile(programs: Readonly<Record<string, string>>): Compiled {
  const texts = new Map(Object.entries(programs).map(([name, text]) => [join(here, name), text]))
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const host = ts.createCompilerHost(options)
  const { getSourceFile, fileExists, readFile } = host
  host.fileExists = (path) => texts.has(path) || fileExists(path)
  host.readFile = (path) => texts.get(path) ?? readFile(path)
  host.getSourceFile = (path, languageVersion, ...rest) => {
    const text = texts.get(path)
    if (text !== undefined) return ts.createSourceFile(path, text, languageVersion)
    // Parsed once for all programs: the libraries are most of the work.
    if (!sourceFiles.has(path)) sourceFiles.set(path, getSourceFile(path, languageVersion, ...rest))
    return sourceFiles.get(path)
  }
  const program = ts.createProgram({ rootNames: [...texts.keys()], options, host })
  const complaints = [...texts.keys()].flatMap((path) => {
    const file = program.getSourceFile(path)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(complaintOf)
  })
  return { complaints, instantiations: program.getInstantiationCount() }
}

/** The type tests of this folder, by file name. */
export function typeTests(): Record<string, string> {
  const names = readdirSync(here).filter((name) => name.endsWith('.test-d.ts'))
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(here, name), 'utf8')]))
}

function complaintOf({ file, start = 0, length = 0, code, messageText }: ts.Diagnostic): Complaint {
  if (file === undefined) throw new Error(ts.flattenDiagnosticMessageText(messageText, '\n'))
  const { line, character } = file.getLineAndCharacterOfPosition(start)
  return {
    file: file.fileName.slice(here.length + 1),
    at: `${line + 1}:${character + 1}`,
    text: file.text.slice(start, start + length),
    code,
    message: ts.flattenDiagnosticMessageText(messageText, '\n'),
  }
}
