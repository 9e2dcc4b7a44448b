// The words that head the columns of a table of items, and the units in which things are counted: data only, in the form of label-words.ts.

/** `rate`: a percentage, of tax or discount; `other`: a column of which we know no word. */
export type Column = 'index' | 'sku' | 'description' | 'quantity' | 'unit' | 'price' | 'total' | 'rate' | 'other';

export const COLUMNS: Readonly<Record<Exclude<Column, 'other'>, string>> = {
  price: String.raw`
        unit (?:price|cost); each; price (?:per unit|each|/ ?unit); price; rate; cost; (?:einzel|st[üu]ck)preis; e\.?-?preis;
        ep; preis(?: je einheit| pro st[üu]ck| / ?st[üu]ck)?; preis ?/ ?(?:einheit|st(?:ü|ue)ck|me); prix ?/ ?unit[ée];
        price ?/ ?unit; prix (?:unitaire|unit\.?|u\.?)(?: h\.?t\.?)?;
        p\.?u\.?(?: h\.?t\.?)?; prix; 単価(?:\([^)]*\))?; 価格`,
  quantity: String.raw`
        (?:order )?qty\.?(?: ordered)?; (?:order )?quantity(?: ordered)?; quant\.?; units; menge; anzahl; st[üu]ckzahl; qt[ée]s?\.?;
        quantit[ée]s?; 数量; 個数`,
  total: String.raw`
        (?:line |ext(?:ended)? |item )(?:total|price|amount|cost); ext\.?; extended; extension; total(?: price| cost| amount| ligne)?(?: h\.?t\.?)?;
        amount; (?:line |net )?value; sum; gesamt(?:preis|betrag)?(?: netto)?; g\.?-?preis; gp; betrag; summe; positionssumme;
        (?:montant|prix total)(?: ligne)?(?: h\.?t\.?)?; 金額(?:\([^)]*\))?; 小計; 合計`,
  rate: String.raw`
        (?:vat|tax|gst)(?: ?%| rate)?; disc(?:ount|\.)?(?: ?%)?; mwst\.?(?: ?%)?; ust\.?(?: ?%)?; rabatt(?: ?%)?;
        t\.?v\.?a\.?(?: ?%)?; remise(?: ?%)?; 税率; 値引`,
  unit: String.raw`u\.?o\.?m\.?; u/m; unit(?: of measure)?; einheit; me; vpe; unit[ée]; u\.; 単位`,
  sku: String.raw`
        sku; (?:part|item|product|article|catalog(?:ue)?|material|stock|model) ?(?:no\.?|number|#|code|id); p/n; code;
        art(?:ikel)?\.? ?-? ?(?:nr\.?|nummer|no\.?); material ?-? ?(?:nr\.?|nummer); best(?:ell)?\.? ?-? ?nr\.?;
        r[ée]f(?:[ée]rence)?\.?(?: article)?; 品番; 型番; 商品コード; 品目コード; コード`,
  description: String.raw`
        (?:item |product |article )?description(?: of goods)?; item(?: name)?; part(?: name)?; product(?: name)?; article; goods;
        material; service; bezeichnung; artikel(?:bezeichnung)?; beschreibung; produkt; leistung; d[ée]signation;
        produit; libell[ée]; 品名(?:・仕様)?; 商品名?; 摘要; 内容; 品目; 項目`,
  index: String.raw`
        #; no\.?; s[rl]\.?(?: ?no\.?)?; s\. ?no\.?; line(?: no\.?| #)?; ln; pos(?:ition|\.)?; item (?:no\.?|#); nr\.?; lfd\. ?nr\.?; n ?[°o]; ligne; №;
        行; 番号; 項番`,
};

/** A number may lean on them. As a regular expression. */
export const UNITS = String.raw`
  pcs?\.?; pieces?; ea\.?; each; units?; box(?:es)?; ctns?; cartons?; cases?; packs?; pkts?; pairs?; sets?;
  rolls?; reams?; sheets?; bags?; sack; säcke; eimer; dosen?; flaschen?; kg; bottles?; drums?; pallets?; dozens?; doz\.?; dz\.?; dutzend;
  dtzd\.?; douzaines?; ダース; hrs?;
        hours?; days?; kg; g; lbs?; oz; t;
  m; m2; m3; cm; mm; ft; in; l; ltrs?; lit(?:er; re)s?; gal; st(?:k; ck)?\.?; st[üu]ck; pack(?:ung(?:en)?)?;
  karton(?:s)?; paar; rollen?; kisten?; std\.?; pi[èe]ces?; pces?; bo[îi]tes?; unit[ée]s?; lots?; cartons?;
  rouleaux?; paires?; 個; 本; 枚; 台; 箱; 式; セット; 冊; 袋; 缶; 組; 巻; 着; 足; 点; ケース; ロール; パック; kg; リットル`
  .split(';')
  .map((unit) => unit.trim())
  .join('|');
