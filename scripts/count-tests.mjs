// Prints the plain last line of a test run, `N passed, N failed`, from Vitest's JSON report. A report that is missing (lint,
// types or the build stopped the run) and a test file that could not be loaded count as one failure each.
// Usage: node scripts/count-tests.mjs REPORT EXIT_STATUS. Ends with status 1 when anything failed.
import { readFileSync } from 'node:fs';

const [path, status] = process.argv.slice(2);
let passed = 0;
let failed = 0;
try {
  const report = JSON.parse(readFileSync(path, 'utf8'));
  passed = report.numPassedTests;
  const broken = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0);
  failed = report.numFailedTests + broken.length;
} catch (error) {
  console.error(`no test report: ${error.message}`);
}
if (failed === 0 && (status !== '0' || passed === 0)) failed = 1;
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
