// Words that tell what a text speaks of: another state or order, a revision, a document of another kind, a month, a language. Data only.

import type { Language } from './label-words.ts';

/** A label that stands behind one of these speaks of something else: another order, an older state. */
export const NOT_THIS =
  /(?:previous(?:ly)?|prior|last|earlier|former|old|original(?:ly)?|cancel(?:l?ed)?|supersed(?:es?|ed|ing)|replac(?:es?|ed|ing)|instead of|unlike|not|was|were|your (?:last|previous)|similar to|same as|follow(?:ing|s)? up (?:on|to)|credit|budget|average|annual|ytd|year to date|month to date|open|outstanding|vorherige[rn]?|vorige[rn]?|letzte[rn]?|fr[üu]here[rn]?|bisherige[rn]?|alte[rn]?|urspr[üu]ngliche[rn]?|ersetzt|storniert(?:e[rn]?)?|statt|pr[ée]c[ée]dente?|derni[èe]re?|ancien(?:ne)?|initiale?|remplace|annule|au lieu de|前回|先日|以前|旧|変更前|当初|従来)(?: (?:the|our|your|a|an|die|der|das|den|unsere[rn]?|ihre[rn]?|la|le|les|notre|votre|purchase|order|po|sales|bestellung|commande|de|du|la|の|ご))*[\s:,('"«]*$/iu;
/** A label behind one of these is the state that counts now. */
export const NOW =
  /(?:revised|new|updated|amended|corrected|changed|current|final|now|neue[rs]?|ge[äa]nderte[rs]?|aktualisierte[rs]?|korrigierte[rs]?|r[ée]vis[ée]e?|nouve(?:au|lle)|modifi[ée]e?|corrig[ée]e?|actualis[ée]e?|改訂後|変更後|新|訂正後|修正後)(?:の)?[\s:]*$/iu;
/** The mail says of itself that it changes an order. */
export const REVISION =
  /\b(?:revised|revision|amended|amendment|updated|change order|supersed(?:es?|ing)|replaces|corrected|correction|ge[äa]nderte?[rsn]?|[äa]nderung|korrigierte?[rsn]?|korrektur|ersetzt|r[ée]vis[ée]e?|r[ée]vision|modifi[ée]e?|modification|rectifi[ée]e?|rectificatif|annule et remplace)\b|改訂|訂正|変更|修正/iu;

/** What makes a text an order, and what it is when one of these stands in its subject or heading instead. */
export const ORDER_WORDS =
  /purchase[\s-]+order|\bp\.?o\.?(?=[\s#:-]*[A-Z0-9-]*\d)|\b(?:place|placing|placed) (?:the following|an?|this|our) order\b|\border form\b|we (?:would like to|hereby) order|please (?:supply|deliver|send us|ship)|bestell(?:ung|en|nummer|-nr)|wir bestellen|bon de commande|\bcommande\b|nous commandons|注文|発注|オーダー/iu;
/** It is with the mail. */
export const ATTACHED =
  /(?<!\byou(?:'ve| have| had)? )\b(?:attached|attachment|enclosed|enclosing|see (?:the )?pdf|anbei|beigef[üu]gt\p{L}*|angeh[äa]ngt\p{L}*|im anhang|als anlage|ci[\s-]joint\p{L}*|en pi[èe]ce jointe|en annexe)(?!\p{L})|添付/iu;
const INVOICE = /\b(?:pro-?forma )?invoice\b|\brechnung\b|\bfacture\b|請求書/iu;
const QUOTATION =
  /\bquot(?:e|ation)\b|request for (?:quote|quotation|proposal)|\brfq\b|\bangebot\b|\banfrage\b|\bdevis\b|見積/iu;
const CONFIRMATION =
  /order (?:(?:confirmation|acknowledge?ment)(?! (?:needed|required|requested|please))|confirmed)|(?:auftrags|bestell)best[äa]tigung|confirmation de (?:votre )?commande|accus[ée] de r[ée]ception|注文請書|受注確認|注文確認/iu;
const DELIVERY =
  /(?:delivery|shipping|dispatch) (?:note|notice|notification|update)|has (?:shipped|been dispatched)|lieferschein|versandbest[äa]tigung|bon de livraison|avis d.exp[ée]dition|納品書|出荷/iu;
const REMINDER =
  /statement of account|payment reminder|overdue|past due|kontoauszug|mahnung|zahlungserinnerung|relance|relev[ée] de compte|督促/iu;
const ADVERTISEMENT =
  /\b\d+ ?% (?:off|rabatt auf|de remise sur)\b|\bnewsletter\b|\b(?:spring|summer|autumn|fall|winter|flash|clearance) sale\b|\bsonderangebote?\b|\bsoldes\b/iu;
export const OTHER_DOCUMENTS: readonly { readonly name: string; readonly pattern: RegExp }[] = [
  { name: 'an advertisement', pattern: ADVERTISEMENT },
  { name: 'an invoice', pattern: INVOICE },
  { name: 'a quotation', pattern: QUOTATION },
  { name: 'a confirmation of an order', pattern: CONFIRMATION },
  { name: 'a note about a delivery', pattern: DELIVERY },
  { name: 'a statement or reminder', pattern: REMINDER },
];

export const MONTHS: readonly (readonly string[])[] = [
  ['january', 'jan', 'januar', 'jänner', 'janvier', 'janv'],
  ['february', 'feb', 'februar', 'février', 'fevrier', 'févr', 'fév'],
  ['march', 'mar', 'märz', 'maerz', 'mrz', 'mars'],
  ['april', 'apr', 'avril', 'avr'],
  ['may', 'mai'],
  ['june', 'jun', 'juni', 'juin'],
  ['july', 'jul', 'juli', 'juillet', 'juil'],
  ['august', 'aug', 'août', 'aout'],
  ['september', 'sept', 'sep', 'septembre'],
  ['october', 'oct', 'oktober', 'okt', 'octobre'],
  ['november', 'nov', 'novembre'],
  ['december', 'dec', 'dezember', 'dez', 'décembre', 'decembre', 'déc'],
];

/** Words that tell the language of a mail. */
export const LANGUAGE_WORDS: Readonly<Record<Language, RegExp>> = {
  en: /\b(?:the|please|and|order|delivery|regards|thank|thanks|we|for|payment|supplier|vendor)\b/giu,
  de: /\b(?:bitte|und|der|die|das|wir|bestellung|lieferung|menge|mit|freundlichen|grüßen|zahlung|lieferant|netto|sehr|geehrte)\b/giu,
  fr: /\b(?:le|la|les|et|nous|merci|veuillez|commande|livraison|cordialement|bonjour|quantité|fournisseur|paiement|désignation)\b/giu,
  ja: /[\u3041-\u30ff]{2,}|[\u4e00-\u9fff]{2,}/gu,
};
