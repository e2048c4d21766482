// Where the lessons use the words of the atlas: the folder of the lesson, the step, and the words.

export const FIELDS = {
  '03-message#host': 'Host',
  '03-message#fields': 'Content-MD5 Warning',
  '03-message#wire': 'Server User-Agent',
  '04-methods#promises': 'Accept-Ranges',
  '04-methods#refused': 'Allow',
  '05-connections#close': 'Connection',
  '05-connections#keep': 'Keep-Alive',
  '06-message-length#length': 'Content-Length',
  '06-message-length#chunks': 'Transfer-Encoding TE',
  '07-conditional#ask-again': 'Date',
  '07-conditional#validators': 'ETag Last-Modified',
  '07-conditional#strong-weak': 'If-Match',
  '07-conditional#order': 'If-None-Match If-Modified-Since If-Unmodified-Since',
  '07-conditional#cache-control': 'Cache-Control Age Pragma Vary',
  '08-ranges#impossible': 'Range',
  '08-ranges#part': 'Content-Range',
  '08-ranges#resume': 'If-Range',
  '09-negotiation#coding': 'Accept-Encoding',
  '09-negotiation#language': 'Accept-Language Content-Language Content-Location',
  '09-negotiation#type': 'Accept Accept-Charset',
  '10-state#cookies': 'Cookie Set-Cookie',
  '10-state#attributes': 'Expires',
  '10-state#basic': 'Authorization WWW-Authenticate Proxy-Authenticate Proxy-Authorization',
  '11-forms#parts': 'Content-Type',
  '11-forms#disposition': 'Content-Disposition',
  '12-redirects#redirects': 'Location',
  '12-redirects#error-page': 'Retry-After',
  '12-redirects#expect': 'Expect',
  '13-elsewhere#cors': 'Access-Control-Allow-Methods Access-Control-Allow-Origin Access-Control-Request-Method Origin',
  '13-elsewhere#foreign': 'Sec-Fetch-Site',
  '13-elsewhere#policies': 'Content-Security-Policy Permissions-Policy X-Content-Type-Options X-Frame-Options',
  '13-elsewhere#telling': 'Cross-Origin-Resource-Policy Referer Referrer-Policy',
  '14-https#certificates': 'Strict-Transport-Security Upgrade-Insecure-Requests',
  '15-websocket#handshake': 'Sec-WebSocket-Accept Sec-WebSocket-Key Sec-WebSocket-Version Upgrade',
};

export const METHODS = {
  '02-targets#forms': 'CONNECT',
  '04-methods#promises': 'GET HEAD LINK OPTIONS PATCH UNLINK',
  '04-methods#refused': 'DELETE TRACE',
  '12-redirects#expect': 'PUT',
  '11-forms#urlencoded': 'POST',
};

export const STATUSES = {
  '04-methods#refused': '405 418 501',
  '06-message-length#length': '400',
  '06-message-length#chunks': '411',
  '07-conditional#ask-again': '304',
  '07-conditional#strong-weak': '412',
  '08-ranges#part': '206',
  '08-ranges#impossible': '416',
  '09-negotiation#language': '200 300 406',
  '10-state#basic': '401 407',
  '11-forms#parts': '415',
  '12-redirects#redirects': '301 302 303 307 308',
  '12-redirects#errors': '404 410 414 431',
  '12-redirects#error-page': '503',
  '12-redirects#expect': '100 417',
  '13-elsewhere#cors': '204',
  '13-elsewhere#foreign': '403 421',
  '15-websocket#handshake': '101 426',
};

export const OPCODES = '15-websocket#frames';
export const CLOSE_CODES = '15-websocket#control';
