import type { Faker } from "@faker-js/faker";
import { faker as da } from "@faker-js/faker/locale/da";
import { faker as de } from "@faker-js/faker/locale/de";
import { faker as enAu } from "@faker-js/faker/locale/en_AU";
import { faker as enCa } from "@faker-js/faker/locale/en_CA";
import { faker as enGb } from "@faker-js/faker/locale/en_GB";
import { faker as enIe } from "@faker-js/faker/locale/en_IE";
import { faker as enIn } from "@faker-js/faker/locale/en_IN";
import { faker as enUs } from "@faker-js/faker/locale/en_US";
import { faker as es } from "@faker-js/faker/locale/es";
import { faker as esMx } from "@faker-js/faker/locale/es_MX";
import { faker as fa } from "@faker-js/faker/locale/fa";
import { faker as fi } from "@faker-js/faker/locale/fi";
import { faker as fr } from "@faker-js/faker/locale/fr";
import { faker as frCh } from "@faker-js/faker/locale/fr_CH";
import { faker as nbNo } from "@faker-js/faker/locale/nb_NO";
import { faker as nl } from "@faker-js/faker/locale/nl";
import { faker as ptBr } from "@faker-js/faker/locale/pt_BR";
import { faker as srRs } from "@faker-js/faker/locale/sr_RS_latin";
import { faker as tr } from "@faker-js/faker/locale/tr";
import { faker as uk } from "@faker-js/faker/locale/uk";
import type { nationalities as known } from "../randomuser.ts";

/** A nationality of randomuser: its names and the pattern of its national id (# is a digit, ? a letter). */
export interface Nationality {
  code: (typeof known)[number];
  country: string;
  faker: Faker;
  /** Null if randomuser has no id for it: name "" and value null. */
  nationalId: { name: string; pattern: string } | null;
  /** Used if @faker-js/faker has no states of the country. */
  states?: readonly string[];
}

const of = (
  code: Nationality["code"],
  country: string,
  faker: Faker,
  name?: string,
  pattern?: string,
): Nationality => ({
  code,
  country,
  faker,
  nationalId: name && pattern ? { name, pattern } : null,
});

const counties = ["Clare", "Cork", "Donegal", "Dublin", "Galway", "Kerry", "Kilkenny", "Limerick", "Mayo", "Wicklow"];
const regions = ["Auckland", "Canterbury", "Northland", "Otago", "Southland", "Taranaki", "Waikato", "Wellington"];

/** The nationalities of randomuser v1.4. @faker-js/faker lacks New Zealand: its streets and cities are Australian. */
export const nationalities: readonly Nationality[] = [
  of("AU", "Australia", enAu, "TFN", "#########"),
  of("BR", "Brazil", ptBr, "CPF", "###.###.###-##"),
  of("CA", "Canada", enCa, "SIN", "#########"),
  of("CH", "Switzerland", frCh, "AVS", "756.####.####.##"),
  of("DE", "Germany", de, "SVNR", "## ###### ? ###"),
  of("DK", "Denmark", da, "CPR", "######-####"),
  of("ES", "Spain", es, "DNI", "########-?"),
  of("FI", "Finland", fi, "HETU", "######-###?"),
  of("FR", "France", fr, "INSEE", "############# ##"),
  of("GB", "United Kingdom", enGb, "NINO", "?? ## ## ## ?"),
  { ...of("IE", "Ireland", enIe, "PPS", "#######?"), states: counties },
  of("IN", "India", enIn, "UIDAI", "############"),
  of("IR", "Iran", fa),
  of("MX", "Mexico", esMx, "NSS", "## ## ## #### #"),
  of("NL", "Netherlands", nl, "BSN", "########"),
  of("NO", "Norway", nbNo, "FN", "###########"),
  { ...of("NZ", "New Zealand", enAu), states: regions },
  of("RS", "Serbia", srRs, "SID", "#########"),
  of("TR", "Turkey", tr),
  of("UA", "Ukraine", uk),
  of("US", "United States", enUs, "SSN", "###-##-####"),
];
