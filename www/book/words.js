// What the scripts of the book say, in the language of the page.

import { ROOT } from './wire.js';

const WORDS = {
  en: {
    guided: 'Guided experiment', useful: 'Useful at work', strange: 'Strange: break it',
    done: 'Done', status: 'Your guess first. Which status?', frame: 'Your guess first. What does the server send?',
    fields: 'Which of these fields are in the response?',
    request: 'The request. You may change it. The page ends each line with CR LF and adds the empty line.', hex: 'Then these bytes, in hexadecimal', octets: 'The bytes, in hexadecimal. You may change them.',
    send: 'Send', sending: 'Sending…', copy: 'Copy the command', copied: 'Copied.', command: 'Or in a terminal',
    colon: ': ', bracket: text => ` (${text})`, section: (rfc, number) => `RFC ${rfc}${number ? ` section ${number}` : ''}`,
    first: 'Make a guess first.', needs: options => `This needs ${options.join(' and ')}: start docroot with ${options.join(' ')}.`,
    empty: 'The request is empty.', commandNeeds: options => `Or in a terminal, if docroot runs with ${options}`,
    late: seconds => `No answer after ${seconds} seconds. Perhaps the server waits for the rest: a request ends after the empty line and as many bytes as Content-Length says.`,
    earlier: number => `Before it, the response to request ${number}`,
    failed: why => `There is no answer: ${why}`,
    arrived: 'The answer is there. Make your guess, then it opens.',
    right: actual => `Right: ${actual}.`,
    wrong: (guess, actual) => `You guessed ${guess}. The answer was ${actual}.`,
    why: 'The server says why:', all: n => `All ${n} steps of its decision`,
    present: name => `${name} is in the response.`, absent: name => `${name} is not in the response.`,
    missed: 'This was an answer, but not the one that this experiment looks for. Change the request and try again.',
    ticked: 'Experiment done.', response: 'The response', content: 'Its content', sizes: (asked, answered, content) => `Bytes: ${asked} for the head of the request, ${answered} for that of the response, ${content} after it.`,
    count: (done, all) => `${done} of ${all} experiments done`,
    text: 'a text frame', binary: 'a binary frame', ping: 'a ping', pong: 'a pong', close: 'a close frame', none: 'nothing',
    continuation: 'a continuation frame', client: 'client', server: 'server', unknown: n => `opcode ${n}`,
    length: 'length', key: 'masking key', payload: 'payload, unmasked', packed: 'compressed payload', code: n => `close code ${n}`,
    counted: 'This server has a class. Its page shows how many learners have done each experiment. Your browser reports what you finish with a random number, and no name.', dropMe: 'Do not count me',
    uncounted: 'This server has a class. You are not counted in it.', countMe: 'Count me',
    measure: 'Measure', measuring: 'Measuring…', measured: (n, tls) => `Medians of ${n} connections, ${tls ? `over ${tls.version} with ${tls.cipher}` : 'in plain text'}, by the clock of the server:`,
    costs: { wait: 'from accepting the connection to the first byte of a request', handshake: 'of that, the handshake', first: 'the first exchange', second: 'the second one on the same connection' },
    milliseconds: n => `${n} ms`, noHandshake: 'none',
    explain: 'Show the explanation', restore: 'Restore the request', another: 'This is the answer to your own request, and not the one that this experiment looks for. Compare.',
    noCookie: 'nothing', setCookie: 'Set the cookie', setHidden: 'Set it with HttpOnly', readBoth: 'Ask at both addresses',
    try: 'Try it', asked: 'The request', answered: status => `The server has answered with ${status}.`,
    source: 'Show the source', noSource: 'This docroot does not have the file built in. It is in the repository.', shut: 'Close',
  },
  zh: {
    guided: '跟着做', useful: '工作中用得上', strange: '试着弄坏它',
    done: '已完成', status: '先猜一猜：状态码是多少？', frame: '先猜一猜：服务器会发来什么？',
    fields: '响应里会有下面哪些首部字段？',
    request: '请求如下，可以修改。本页会给每行加上 CR LF，并在最后加上空行。', hex: '接着发送这些字节（十六进制）', octets: '要发送的字节（十六进制），可以修改。',
    send: '发送', sending: '正在发送……', copy: '复制命令', copied: '已复制。', command: '或者在终端里运行',
    colon: '：', bracket: text => `（${text}）`, section: (rfc, number) => `RFC ${rfc}${number ? ` 第 ${number} 节` : ''}`,
    first: '请先猜一个答案。', needs: options => `这需要 ${options.join(' 和 ')}：请用 ${options.join(' ')} 启动 docroot。`,
    empty: '请求是空的。', commandNeeds: options => `或者在终端里运行（docroot 须启用 ${options}）`,
    late: seconds => `过了 ${seconds} 秒还没有响应。服务器可能在等剩下的部分：请求要到空行之后，再收齐 Content-Length 所说的字节数，才算结束。`,
    earlier: number => `在它之前，对第 ${number} 个请求的响应`,
    failed: why => `没有收到响应：${why}`,
    arrived: '响应已经到了。先猜，猜完就揭晓。',
    right: actual => `猜对了：${actual}。`,
    wrong: (guess, actual) => `你猜的是 ${guess}，实际是 ${actual}。`,
    why: '服务器给出的理由：', all: n => `作出决定的全部 ${n} 步`,
    present: name => `响应里有 ${name}。`, absent: name => `响应里没有 ${name}。`,
    missed: '收到了响应，但不是这个实验要找的那一种。改改请求，再试一次。',
    ticked: '实验完成。', response: '响应', content: '响应的内容', sizes: (asked, answered, content) => `字节数：请求首部 ${asked}，响应首部 ${answered}，其后的内容 ${content}。`,
    count: (done, all) => `已完成 ${done} / ${all} 个实验`,
    text: '文本帧', binary: '二进制帧', ping: 'Ping 帧', pong: 'Pong 帧', close: '关闭帧', none: '什么也不发',
    continuation: '延续帧', client: '客户端', server: '服务器', unknown: n => `操作码 ${n}`,
    length: '长度', key: '掩码密钥', payload: '载荷（去掉掩码）', packed: '压缩过的载荷', code: n => `关闭码 ${n}`,
    counted: '这个服务器正在统计班级进度：页面上只显示每个实验有多少学习者做完了。浏览器报告你完成的实验时只附带一个随机编号，不含姓名。', dropMe: '不要统计我',
    uncounted: '这个服务器正在统计班级进度，但没有把你算进去。', countMe: '把我算进去',
    measure: '测量', measuring: '正在测量……', measured: (n, tls) => `${n} 条连接的中位数，${tls ? `使用 ${tls.version} 和 ${tls.cipher}` : '明文传输'}，按服务器的时钟计算：`,
    costs: { wait: '从接受连接到请求的第一个字节', handshake: '其中握手', first: '第一个请求', second: '同一连接上的第二个请求' },
    milliseconds: n => `${n} 毫秒`, noHandshake: '没有',
    explain: '显示说明', restore: '恢复原来的请求', another: '这是对你自己的请求的响应，不是这个实验要找的那一种。比较一下。',
    noCookie: '（空）', setCookie: '设置 Cookie', setHidden: '加上 HttpOnly 再设置', readBoth: '向两个地址各请求一次',
    try: '试一试', asked: '请求', answered: status => `服务器返回了 ${status}。`,
    source: '查看源代码', noSource: '这个 docroot 没有内置这个文件。请在代码仓库里查看。', shut: '关闭',
  },
};

const isChinese = document.documentElement.lang.startsWith('zh');

export const words = WORDS[isChinese ? 'zh' : 'en'];

let translate = () => null;

// The wire view has the sentences of the server in Chinese.
export async function learnSentences() {
  if (!isChinese) return;
  const [{ translator }, table] = await Promise.all([
    import(new URL('.docroot/language/translate.js', ROOT)), fetch(new URL('.docroot/language/findings.zh.json', ROOT)),
  ]);
  translate = translator(await table.json());
}

// What the server says, in the language of the page if there are words for it.
export const translated = text => translate(text) ?? text;

