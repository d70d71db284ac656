// Mixed text of any size, the same on every run: prose in nine languages, code, numbers, names and links, in documents of a few kilobytes.

const prose = [
  'the old harbour was quiet in the morning and only a few boats came back with fish before the rain began to fall on the roofs while people opened their shops and talked about prices that had gone up again since last winter',
  "nobody knew why the committee's decision hadn't been published, but they'd heard that it wasn't unanimous and that the chairman would resign before the next meeting",
  'die Eisenbahn fährt über die große Brücke und hält an jedem Dorf, wo Kinder winken und Bäuerinnen Äpfel, Käse und frisches Brot verkaufen, obwohl es längst einen Supermarkt gibt',
  'les élèves ont été reçus à la mairie où l’on avait préparé un goûter, des chansons et une exposition sur l’histoire du château détruit pendant la guerre',
  'el niño corrió hacia la montaña mientras su abuela preparaba el desayuno con café, pan tostado y un poco de miel que había traído el vecino',
  'поезд прибыл на станцию поздно вечером, и пассажиры долго искали гостиницу, потому что в маленьком городе почти не было фонарей и никто не знал дороги',
  '今日は朝から雨が降っていたので、駅まで歩かずにバスに乗りました。図書館で新しい本を三冊借りて、午後は友達とコーヒーを飲みながら話しました。',
  '城市的夜晚灯火通明，人们在街边的小店里吃饭、聊天，孩子们追着气球奔跑，远处的江面上有一艘轮船慢慢驶过。',
  '오늘 아침에 시장에서 사과와 배를 샀고 오후에는 도서관에서 책을 읽다가 친구를 만나 저녁을 함께 먹었습니다',
  'كان الطقس جميلا في الصباح فخرج الناس إلى الحديقة وجلسوا تحت الأشجار يتحدثون عن أخبار المدينة',
  'सुबह की ठंडी हवा में बच्चे मैदान में खेल रहे थे और किसान अपने खेतों की ओर जा रहे थे',
];
const code = [
  'function parseHeader(bytes, offset = 0) {\n  const length = view.getUint32(offset, true);\n  if (length > LIMIT) throw new RangeError("too long: " + length);\n  return decoder.decode(bytes.subarray(offset + 4, offset + 4 + length));\n}\n',
  'for (int i = 0; i < n; ++i) {\n\tsum += x[i] * y[i]; // dot product\n}\nreturn sum / (double)n;\n',
  "SELECT u.id, COUNT(*) AS total FROM users u LEFT JOIN orders o ON o.user_id = u.id WHERE o.created_at >= '2024-01-01' GROUP BY u.id HAVING total > 10;\n",
  '{"id": 48213, "name": "Köln–Süd", "ratio": 0.73125, "tags": ["a", "b_c", "d-e"], "url": "https://example.org/a/b?c=1&d=%20"}\n',
];

/** Texts of about 4 KB with about `megabytes` of UTF-8 in total. */
export function mixedTexts(megabytes) {
  let state = 12345;
  const random = (n) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 4294967296) * n);
  };
  const words = prose.map((text) => text.split(/(?<=[ 、。，])/));
  const texts = [];
  let bytes = 0;
  while (bytes < megabytes * 1e6) {
    let text = '';
    // A document has one language, and half of all are English.
    const language = random(2) ? random(2) : random(words.length);
    const vocabulary = words[language];
    while (text.length < 3000) {
      const kind = random(20);
      if (kind === 0) text += `\n${code[random(code.length)]}`;
      else if (kind === 1) text += `${random(1e6)} ${random(100)}.${random(1000)}% (${1900 + random(130)}) `;
      else if (kind === 2)
        text += ['😀 ', '— ', '… ', 'e.g. ', 'U.S.A. ', 'x² ≤ 3·10⁸ ', '"quoted" ', 'iPhone-15 '][random(8)];
      else {
        for (let n = 4 + random(16); n > 0; n--) text += vocabulary[random(vocabulary.length)];
        const last = text.length - 1;
        text = `${text.slice(0, last)}${text[last] === ' ' ? '' : text[last]}${random(4) ? '. ' : '?\n\n'}`;
        text += text.slice(-40, -39).toUpperCase();
      }
    }
    texts.push(text);
    bytes += Buffer.byteLength(text);
  }
  return texts;
}
