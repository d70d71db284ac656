/**
 * @file Finds options of a preset that would have no effect, by the conditions in the option table.
 */
import { optionEffects } from '../../options/option-effects.ts';
import type { OptionValues } from '../../options/option-table.ts';
import type { Section } from './preset-section.ts';

/** Checks the sections of a preset. The section of all models is without effect where no model makes use of it. */
export class PresetEffects {
  readonly #common: Section | undefined;
  readonly #notes: string[] = [];
  /** Notes about the section of all models, each with the number of models that it is true of. */
  readonly #commonNotes = new Map<string, number>();
  #nModels = 0;

  constructor(common: Section | undefined) {
    this.#common = common;
  }

  /**
   * Checks the options of a model.
   * @param own all its values
   * @param overriding values that flags and variables give instead of those of the sections
   * @throws UsageError for an option of its section that the section leaves without effect
   */
  check(section: Section | undefined, own: OptionValues, overriding: Readonly<Record<string, unknown>>): void {
    this.#nModels += 1;
    const all = { command: 'serve', values: own, given: new Map(), isOneModel: true } as const;
    const notOverridden = ([name]: readonly [string, unknown]) => !(name in overriding);
    const ofSection = new Map([...(section?.sources ?? [])].filter(notOverridden));
    this.#notes.push(...optionEffects({ ...all, sources: ofSection }).notes);
    const ofCommon = [...(this.#common?.sources ?? [])]
      .filter(notOverridden)
      .filter(([name]) => !section?.sources.has(name))
      .map(([name, { label }]) => [name, { layer: 'environment', label }] as const);
    for (const note of optionEffects({ ...all, sources: new Map(ofCommon) }).notes) {
      this.#commonNotes.set(note, (this.#commonNotes.get(note) ?? 0) + 1);
    }
  }

  /** What to log: options that are ignored. */
  notes(): string[] {
    const ofAll = [...this.#commonNotes].filter(([, count]) => count === this.#nModels).map(([note]) => note);
    return [...this.#notes, ...ofAll];
  }
}
