// The numbers of exchanges on their connections, as the page shows them. The server counts the requests of the wire view
// too, and says how many they are. They are not shown, unless the address of this page says so (?own).

export const areShown = new URLSearchParams(globalThis.location?.search).has('own');

const without = (all, own) => areShown ? all : all - own;

// The number of an exchange among those that are shown. Older records do not say how many are not.
export const numberOf = ({ number, own = 0 }) => without(number, own);

// How many exchanges a closed connection had.
export const countOf = ({ exchanges = 0, own = 0 }) => without(exchanges, own);
