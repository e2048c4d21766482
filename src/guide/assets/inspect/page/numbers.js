// The numbers of exchanges on their connections, as the page shows them. The server counts the requests of the wire
// view too, which are not shown. Those that are shown count here, so that no number is missing. Pure functions.

const numbers = new WeakMap();

export function giveNumber(exchange, number) {
  numbers.set(exchange, number);
}

// An exchange that is not in the list yet has the number of the server.
export const numberOf = (exchange) => numbers.get(exchange) ?? exchange.number;
