/**
 * The program that runs test files: all those named, in one process, one after the other.
 * (`node --test` without isolation ends with success although a file could not be loaded.)
 */
import { pathToFileURL } from 'node:url';

for (const file of process.argv.slice(2)) await import(pathToFileURL(file).href);
