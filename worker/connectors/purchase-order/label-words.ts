// The words that label the fields of an order, by language: data only. An entry is the source of a regular expression, matched without regard to
// case; a blank stands for a blank, a hyphen, an underscore or nothing; entries are apart by semicolons. To teach a language, add its words here.

export type Language = 'en' | 'de' | 'fr' | 'ja';

/** Fields of an order, and `stop`: a label that ends the value before it and whose own value is nothing of ours. */
export type Label =
  | 'po_number'
  | 'vendor'
  | 'order_date'
  | 'due_date'
  | 'terms'
  | 'currency'
  | 'subtotal'
  | 'discount'
  | 'tax'
  | 'shipping'
  | 'total'
  | 'stop';

export interface LabelWords {
  readonly label: Label;
  /** `main` labels count before `other` ones: "Order Date" before a mere "Date". */
  readonly rank: 'main' | 'other';
  readonly words: Readonly<Partial<Record<Language, string>>>;
}

export const LABELS: readonly LabelWords[] = [
  {
    label: 'po_number',
    rank: 'main',
    words: {
      en: String.raw`
        (?:purchase order|p\.?o\.?) (?:number|num\.?|no\.?|#|id|ref(?:erence)?\.?(?: no\.?| number)?);
        (?:purchase order|p\.?o\.?) ?#; your order (?:number|num\.?|no\.?|#|id|ref(?:erence)?\.?(?: no\.?| number)?);
        our order (?:number|num\.?|no\.?|#|id|ref(?:erence)?\.?(?: no\.?| number)?); our po`,
      de: String.raw`
        bestell ?(?:nummer|nr\.?|no\.?); bestellungs ?(?:nummer|nr\.?|no\.?); bestellung (?:(?:nummer|nr\.?|no\.?)|#);
        unsere bestell ?(?:nummer|nr\.?|no\.?); po (?:nummer|nr\.?|no\.?)`,
      fr: String.raw`
        (?:bon de )?commande ?(?:n ?[°o]\.?|num[ée]ro|#|r[ée]f\.?);
        (?:n ?[°o]\.?|num[ée]ro|r[ée]f(?:[ée]rence|\.)?)(?: du| de| de la)?(?: bon de)? commande;
        (?:n ?[°o]|num[ée]ro) bc`,
      ja: String.raw`(?:ご)?(?:注文|発注)(?:書)?(?:番号|No\.?|NO\.?|#); PO番号; 注番`,
    },
  },
  {
    label: 'po_number',
    rank: 'other',
    words: {
      en: String.raw`
        order (?:number|num\.?|no\.?|#|id|ref(?:erence)?\.?(?: no\.?| number)?); order ?#; purchase order; p\.?o\.?`,
      de: String.raw`bestellung; auftrags ?(?:nummer|nr\.?|no\.?)`,
      fr: String.raw`bon de commande; r[ée]f(?:[ée]rence)?`,
    },
  },
  {
    label: 'vendor',
    rank: 'main',
    words: {
      en: String.raw`vendor(?: name)?; supplier(?: name)?; seller`,
      de: String.raw`lieferant(?:in)?; auftragnehmer(?:in)?; verk[äa]ufer`,
      fr: String.raw`fournisseur; vendeur`,
      ja: String.raw`発注先; 仕入先; 注文先; 供給者; 受注者; ベンダー; サプライヤー`,
    },
  },
  {
    label: 'order_date',
    rank: 'main',
    words: {
      en: String.raw`
        (?:purchase )?order date; p\.?o\.? date; date of (?:purchase )?order; date ordered; order placed(?: on)?;
        ordered(?: on)?`,
      de: String.raw`bestelldatum; datum der bestellung; bestellt am; auftragsdatum; bestellung vom`,
      fr: String.raw`date (?:de |du )?(?:la |bon de )?commande; command[ée]e? le; commande du`,
      ja: String.raw`(?:ご)?(?:発注|注文)(?:年月)?日(?:付)?`,
    },
  },
  {
    label: 'order_date',
    rank: 'other',
    words: {
      en: String.raw`date(?: of issue| issued)?; issue date; issued(?: on)?; dated; created(?: on)?`,
      de: String.raw`datum; ausstellungsdatum`,
      fr: String.raw`date(?: d.[ée]mission)?; (?:[ée]mis|fait) le`,
      ja: String.raw`日付; 発行日; 作成日`,
    },
  },
  {
    label: 'due_date',
    rank: 'main',
    words: {
      en: String.raw`due date; due by; due on; due; date due`,
      de: String.raw`f[äa]lligkeit(?:sdatum)?; f[äa]llig am`,
      fr: String.raw`date d.[ée]ch[ée]ance(?: de livraison)?`,
      ja: String.raw`(?:希望)?納期(?:限|日)?; 期日`,
    },
  },
  {
    label: 'due_date',
    rank: 'other',
    words: {
      en: String.raw`
        (?:requested |required |expected |promised )?(?:delivery|arrival|ship(?:ment|ping)?) (?:due )?(?:date|by|deadline|on or before);
        (?:date )?(?:required|needed|wanted|requested)(?: by| date| on)?; need by(?: date)?;
        deliver(?:y)? (?:is )?(?:required |needed |requested |due |expected )?(?:by|on|no later than|nlt|before|not later than);
        must (?:arrive|be delivered|reach us) (?:by|on|before|no later than); in hands date; deadline;
        (?:need|want|require|expect)(?:ed)? (?:it|them|these|this|those|all|everything)(?: all)?(?: here| delivered| in)?(?: by| on| before| no later than)?;
        (?:to us|here|delivered|ship(?:ped)?) (?:by|before|no later than|not later than)`,
      de: String.raw`
        liefertermin; lieferdatum; wunschtermin; gew[üu]nschter liefertermin;
        lieferung (?:bis(?: sp[äa]testens)?(?: zum)?|am|zum); (?:zu )?liefern bis(?: zum)?; termin; lieferfrist`,
      fr: String.raw`
        date (?:de )?livraison(?: souhait[ée]e| pr[ée]vue| demand[ée]e| au plus tard)?;
        livraison (?:souhait[ée]e )?(?:le|avant le|pour le|au plus tard le|pr[ée]vue le|demand[ée]e le);
        (?:[àa] )?livrer (?:le|avant le|au plus tard le); d[ée]lai(?: de livraison)?; livraison souhait[ée]e`,
      ja: String.raw`(?:ご)?(?:希望)?納入(?:希望)?(?:期限|期日|日); (?:希望)?(?:納品|お届け|配送|引渡)(?:希望)?(?:期限|期日|日)`,
    },
  },
  {
    label: 'terms',
    rank: 'main',
    words: {
      en: String.raw`payment terms?; terms of payment; pay terms?; payment conditions?`,
      de: String.raw`zahlungsbedingung(?:en)?; zahlungsziel; zahlungskonditionen; zahlung`,
      fr: String.raw`
        conditions? de paiement; modalit[ée]s? de paiement; d[ée]lai de paiement; conditions? de r[èe]glement;
        r[èe]glement; paiement`,
      ja: String.raw`(?:お)?支払(?:い)?(?:条件|方法); 決済条件; 支払サイト`,
    },
  },
  {
    label: 'terms',
    rank: 'other',
    words: {
      en: String.raw`terms; payment`,
      de: String.raw`konditionen`,
      fr: String.raw`conditions`,
    },
  },
  {
    label: 'currency',
    rank: 'main',
    words: {
      en: String.raw`(?:order )?currency`,
      de: String.raw`w[äa]hrung`,
      fr: String.raw`devise; monnaie`,
      ja: String.raw`(?:取引)?通貨`,
    },
  },
  {
    label: 'subtotal',
    rank: 'main',
    words: {
      en: String.raw`
        (?:(?:order|goods|net|line|items?) )?total \(?(?:before|without|net of|ex(?:c|cl)?\.?(?:uding|usive of)?) (?:vat|gst|hst|(?:sales )?tax(?:es)?)\)?;
        (?:order |goods |merchandise )?sub ?total(?: \((?:ex|excl)[^)]*\)| ex(?:cl)?\.? (?:vat|gst|tax))?;
        net (?:total|amount|value); total net; (?:goods|merchandise) total`,
      de: String.raw`
        zwischensumme(?: netto)?; netto(?:betrag|summe|wert|gesamtbetrag)?; summe (?:netto|positionen);
        (?:gesamt(?:summe|betrag)?|gesamt) \(?netto\)?; warenwert; total netto; total exkl\.? (?:mwst|ust)\.?; summe(?: ohne mwst\.?)?`,
      fr: String.raw`
        sous ?total(?: h\.?t\.?)?; (?:montant |prix )?total (?:g[ée]n[ée]ral )?(?:h\.?t\.?|hors taxes?);
        montant h\.?t\.?; total net h\.?t\.?; net h\.?t\.?`,
      ja: String.raw`小計(?:\(税抜\))?; 税抜(?:合計|金額|価格)(?:金額)?; 合計\(税抜(?:き)?\); (?:商品)?代金`,
    },
  },
  {
    label: 'discount',
    rank: 'main',
    words: {
      en: String.raw`(?:order |volume |trade |less )?discount`,
      de: String.raw`(?:mengen|gesamt)?rabatt; nachlass; abzgl\.? rabatt`,
      fr: String.raw`remise(?: commerciale)?; rabais; ristourne`,
      ja: String.raw`値引(?:き)?(?:額)?; 割引(?:額)?`,
    },
  },
  {
    label: 'tax',
    rank: 'main',
    words: {
      en: String.raw`
        (?:sales |state |estimated |plus )?tax(?:es)?(?: amount)?; (?:plus )?v\.?a\.?t\.?(?: amount)?; gst; hst; pst;
        gst/hst; qst; tps; tvq; [ics]gst; ipi; icms; iva; i\.v\.a\.; btw; moms`,
      de: String.raw`
        (?:zzgl\.? |\+ ?)?(?:gesetzl\.? )?(?:mwst\.?|mehrwertsteuer|umsatzsteuer|ust\.?)(?:-?betrag)?; steuerbetrag`,
      fr: String.raw`(?:montant )?(?:de la )?t\.?v\.?a\.?; total t\.?v\.?a\.?; taxes?`,
      ja: String.raw`(?:内)?消費税(?:等|額)?; 税額; 税`,
    },
  },
  {
    label: 'shipping',
    rank: 'main',
    words: {
      en: String.raw`
        (?:shipping|freight|delivery|postage|carriage|courier)(?: ?(?:&|and) ?(?:handling|packing|packaging|insurance))?(?: (?:charges?|costs?|fees?))?;
        s ?& ?h; p ?& ?p`,
      de: String.raw`
        versand(?:kosten)?; fracht(?:kosten)?; lieferkosten; porto(?: und verpackung)?; verpackung und versand;
        transport(?:kosten)?; versandpauschale`,
      fr: String.raw`
        (?:frais (?:de |d.)?)?(?:port|livraison|transport|exp[ée]dition)(?: h\.?t\.?| et emballage)?; frais d.envoi`,
      ja: String.raw`(?:配)?送料; 運賃; 配送費; 輸送費`,
    },
  },
  {
    label: 'total',
    rank: 'main',
    words: {
      en: String.raw`
        (?:(?:order|grand|invoice|gross) )?total \(?inc(?:l)?\.?(?:uding|lusive of)? (?:vat|gst|hst|(?:sales )?tax(?:es)?)\)?;
        grand total; (?:purchase )?order (?:grand )?(?:total|value|amount); p\.?o\.? (?:total|value|amount);
        total (?:amount|order value|value|price|cost|due|payable|gross|order)(?: due| payable)?;
        amount (?:due|payable); balance due; invoice total; gross total; final total; overall total`,
      de: String.raw`
        gesamtbetrag(?: brutto)?; total (?:brutto|inkl\.? (?:mwst|ust)\.?); gesamtsumme(?: brutto)?; endbetrag; endsumme; brutto(?:betrag|summe|gesamtbetrag)?;
        gesamtpreis(?: brutto)?; (?:gesamt|summe)\.? \(?(?:brutto|inkl\.? mwst\.?)\)?; rechnungsbetrag; auftragswert;
        bestellwert; zu zahlen; gesamt`,
      fr: String.raw`
        (?:montant )?total (?:g[ée]n[ée]ral )?(?:\(?t\.?t\.?c\.?\)?|toutes taxes comprises); montant t\.?t\.?c\.?;
        net [àa] payer; total g[ée]n[ée]ral; montant total; total (?:de la )?commande`,
      ja: String.raw`
        (?:税込)?(?:御|ご)?(?:合計|総合計|総計|総額|請求)(?:金額|額)(?:\(税込(?:み)?\))?; 総合計; 総計; 総額; 税込(?:合計|金額|価格)(?:金額)?;
        合計\(税込(?:み)?\); 発注(?:合計)?金額; 注文(?:合計)?金額`,
    },
  },
  { label: 'subtotal', rank: 'other', words: { en: 'sum; net' } },
  {
    label: 'total',
    rank: 'other',
    words: {
      en: String.raw`total; (?:order |total )?amount; gross`,
      fr: String.raw`total`,
      ja: String.raw`合計; 計`,
    },
  },
  {
    label: 'stop',
    rank: 'main',
    words: {
      en: String.raw`
        (?:ship|bill|deliver|sold|invoice|send invoices?|remit) to; (?:shipping|billing|delivery|invoice) address;
        buyer; customer(?: (?:number|no\.?|id|name|ref\.?))?; purchaser; requested by; requisitioner; phone;
        tel(?:ephone)?\.?; fax; mobile; e ?mail; web(?:site)?; contact(?: person| name)?; attn\.?; attention; notes?;
        remarks?; comments?; special instructions; line items?; items? ordered; order details; items?; incoterms?;
        f\.?o\.?b\.?; ship(?:ping)? (?:via|method|terms); carrier; from; to; cc; sent; subject; address; department;
        project; cost cent(?:er|re); tax ?(?:id|no\.?|number|payer id|rate|exempt(?:ion)?(?: no\.?)?);
        (?:federal )?tax id(?:entification)?(?: (?:no\.?|number))?; ein;
        v\.?a\.?t\.? (?:reg(?:istration)?\.? )?(?:no\.?|number|id|reg\.?|rate); gst (?:no\.?|number|reg(?:istration)?);
        duns; abn; (?:company|registration) (?:reg(?:istration)?\.? )?(?:no\.?|number); account ?(?:no\.?|number|#)?;
        iban; bic; swift; sort code; quot(?:e|ation) ?(?:no\.?|number|#|ref\.?|date)?;
        invoice ?(?:no\.?|number|#|date); contract ?(?:no\.?|number|#)?; requisition ?(?:no\.?|number|#)?;
        req(?:uisition)? ?#; job (?:no\.?|number|#); vendor ?(?:no\.?|number|#|id|code);
        supplier ?(?:no\.?|number|#|id|code); credit limit; budget;
        (?:line|item|unit) total; (?:net|gross) weight; (?:total )?(?:qty|quantity|units|pieces|weight|items|lines|pages|savings)(?: ordered)?;
        total (?:number|weight|items|units|quantity|qty|pieces|savings|lines|cartons|pallets)(?: of [a-z]+)?;
        payment due(?: date)?; payment due (?:on|by); invoice due; unit price; sales order ?(?:no\.?|number|#)?;
        tracking ?(?:no\.?|number|#)?; order status; order placed by; ordered by; approved by; authori[sz]ed by; page;
        priority; revision; rev\.?; deposit; quote valid until; valid until; expir(?:y|es|ation)(?: date)?; revised on;
        revision date; print(?:ed)? (?:date|on); meeting date; invoice total`,
      de: String.raw`
        liefer(?:anschrift|adresse); lieferung an; rechnungs(?:anschrift|adresse); rechnung an; besteller(?:in)?;
        auftraggeber(?:in)?; k[äa]ufer; kunde(?:n ?(?:nummer|nr\.?))?; lieferanten ?(?:nummer|nr\.?); telefon;
        ansprechpartner(?:in)?; von; an; gesendet; betreff; bemerkung(?:en)?; hinweise?; anmerkung(?:en)?; positionen;
        artikel; lieferbedingung(?:en)?; versandart; ust\.? ?id\.?(?: ?nr\.?)?;
        umsatzsteuer ?id(?:entifikationsnummer)?; steuer ?(?:nummer|nr\.?); handelsregister; hrb;
        angebot(?:s ?(?:nummer|nr\.?))?; rechnungs ?(?:nummer|nr\.?|datum); vertrags ?(?:nummer|nr\.?); kreditlimit;
        kostenstelle; ihr zeichen; unser zeichen; gesch[äa]ftsf[üu]hrer; konto ?(?:nummer|nr\.?)?; gesamtgewicht;
        gesamtmenge; steuersatz; projekt; seite`,
      fr: String.raw`
        (?:adresse|lieu) de (?:livraison|facturation); livrer [àa]; livraison [àa]; facturer [àa]; acheteur; client;
        n ?[°o] ?client; t[ée]l(?:[ée]phone)?\.?; courriel; contact; de; [àa]; objet; envoy[ée](?: le)?; remarques?;
        notes?; articles?; incoterms?; transporteur; siret; siren; r\.?c\.?s\.?;
        (?:n ?[°o] ?(?:de )?)?t\.?v\.?a\.? (?:intra(?:communautaire)?\.?|n ?[°o]); n ?[°o] ?t\.?v\.?a\.?;
        devis(?: n ?[°o])?; facture(?: n ?[°o])?; n ?[°o] ?(?:de )?(?:devis|facture|contrat); encours(?: autoris[ée])?;
        plafond; compte; taux(?: de)? t\.?v\.?a\.?; ape; naf`,
      ja: String.raw`
        (?:お)?届け先; 納入先; 納品先; 納入場所; 納品場所; 請求先; 住所; 電話(?:番号)?; TEL; FAX; メール; 担当(?:者)?; 発注者; 注文者; 備考; 件名; 差出人; 宛先; 送信日時;
        登録番号; 法人番号; 見積(?:書)?(?:番号|No\.?); 請求書番号; 口座(?:番号)?; 与信(?:限度額|枠); 税率; 品名; 品番; 数量; 単価; 明細; 顧客番号; 有効期限;
        前回(?:の)?(?:ご)?(?:注文|発注)(?:金額|番号|額)?; 受渡(?:場所|条件); 会社名`,
    },
  },
  // A number of anything else; and "Number" alone, as forms have it under their heading.
  { label: 'stop', rank: 'other', words: { en: String.raw`[a-z]+ (?:number|no\.|id|#)` } },
  { label: 'po_number', rank: 'other', words: { en: 'number', de: 'nummer' } },
];

/** The entries of a table. */
export function entriesOf(words: string): string[] {
  return words
    .split(';')
    .map((word) => word.trim())
    .filter((word) => word !== '');
}
