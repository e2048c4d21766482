// Sentences of the server in another language. Pure functions.
//
// The table has the English text as its key. {} stands for a value that the server writes into it:
//   "Range selects bytes {} to {}": "Range 选中第 {} 至 {} 字节"

// A function from a sentence to its translation, or to null if the table has none.
export function translator(table) {
  const patterns = Object.entries(table).filter(([text]) => text.includes('{}')).map(([text, other]) =>
    [new RegExp(`^${text.split('{}').map(escaped).join('([^;]+?)')}$`), other]);
  const one = (text) => {
    if (Object.hasOwn(table, text)) return table[text];
    for (const [pattern, other] of patterns) {
      const match = pattern.exec(text);
      let at = 0;
      if (match) return other.replaceAll('{}', () => match[++at]);
    }
    return null;
  };
  return (text) => {
    const whole = one(text);
    if (whole !== null) return whole;
    // docroot joins two reasons with a semicolon.
    const parts = text.split('; ').map(one);
    return parts.length > 1 && !parts.includes(null) ? parts.join('；') : null;
  };
}

const escaped = (text) => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
