/**
 * @file The texts of `fingerprint`. Changing one changes every digest, including those that users have recorded.
 */
export const fingerprintTexts: readonly string[] = [
  'a',
  'Hello, world!',
  'The ship leaves the harbour at seven in the morning.',
  'Where can I find the opening hours of the library?',
  'On 3 March 2021, 17.5 % of the 1,204 households had no broadband.',
  'for (let i = 0; i < n; i++) sum += x[i] * y[i];',
  'Zwölf Boxkämpfer jagen Viktor quer über den großen Sylter Deich.',
  'Dès Noël, où un zéphyr haï me vêt de glaçons würmiens.',
  'El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia.',
  'Съешь же ещё этих мягких французских булок, да выпей чаю.',
  'Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.',
  'نص حكيم له سر قاطع وذو شأن عظيم',
  'ऋषियों को सताने वाले दुष्ट राक्षसों के राजा',
  '天地玄黄，宇宙洪荒。日月盈昃，辰宿列张。',
  'いろはにほへと ちりぬるを わかよたれそ',
  '키스의 고유조건은 입술끼리 만나야 하고',
  '👩‍🚀 → 🌍, ½ ≠ ⅓, e\u0301 = é',
  'The wind turns the mill. '.repeat(6),
  'Snow falls on the hills, and the road to the village is closed until noon. '.repeat(8),
  'The archive keeps letters, maps and photographs from three centuries. '.repeat(30),
];
