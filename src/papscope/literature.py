"""What the literature says of each published class, and where.

Takes   nothing
Gives   for each class of `taxonomy.KNOWN` its words, its caution and its reason; books and papers
Never   gives a class its category: `taxonomy` does
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

SOURCES: Mapping[str, str] = {
    "Bethesda": "Nayar R, Wilbur DC (eds). The Bethesda System for Reporting Cervical Cytology, "
    "3rd ed. Springer, 2015.",
    "SIPaKMeD": "Plissiti ME, Dimitrakopoulos P, Sfikas G, et al. SIPAKMED: a new dataset for "
    "feature and image based classification of normal and pathological cervical cells in Pap smear "
    "images. IEEE ICIP 2018, 3144-3148.",
    "Herlev": "Jantzen J, Norup J, Dounias G, Bjerregaard B. Pap-smear benchmark data for pattern "
    "classification. NiSIS 2005, 1-9.",
    "CRIC": "Rezende MT, Silva R, Bernardo FO, et al. Cric searchable image database as a public "
    "platform for conventional pap smear cytology data. Scientific Data 8, 151 (2021).",
    "Mendeley": "Hussain E, Mahanta LB, Borah H, Das CR. Liquid based-cytology Pap smear dataset "
    "for automated multi-class diagnosis of pre-cancerous and cervical cancer lesions. Data in "
    "Brief 30 (2020) 105589.",
    "ComparisonDetector": "Liang Y, Tang Z, Yan M, et al. Comparison detector for cervical "
    "cell/clumps detection in the limited data scenario. Neurocomputing 437 (2021) 195-205.",
    "Comprehensive": "Bibbo M, Wilbur DC (eds). Comprehensive Cytopathology. Saunders.",
}
"""What readings rest on, by the short name that they give it."""

WHO: Mapping[str, str] = {
    "sipakmed": "SIPaKMeD",
    "herlev": "Herlev",
    "cric": "CRIC",
    "cric-4": "CRIC",
    "mendeley": "Mendeley",
    "lbc11": "ComparisonDetector",
}
"""The data sets' own papers."""


@dataclass(frozen=True, slots=True)
class Told:
    """What is said of a published class beside its category."""

    looks: str = ""
    """After `cells consistent with X:`; the whole sentence where no category fits."""
    caution: str = ""
    why: str = ""
    """The reason for the category, or for having none."""
    sources: tuple[str, ...] = ("Bethesda",)
    """Keys of `SOURCES`, beside the data set's own."""


_ORGANISM = Told(
    caution="an organism says nothing of the cells beside it",
    why="Bethesda lists organisms under NILM only where no lesion is found, which one picture "
    "cannot tell",
)
_BY_NAME = "the data set's own labels are Bethesda categories"
_HISTOLOGY = "CIN is a grade of tissue, and no biopsy stands behind the label"
_BETHESDA = {
    "NILM": Told(
        "negative for intraepithelial lesion or malignancy",
        "such a label excludes nothing",
        _BY_NAME,
    ),
    "ASC-US": Told(
        "atypia of undetermined significance", "a degree of doubt, not a grade", _BY_NAME
    ),
    "LSIL": Told("changes as of a low-grade squamous intraepithelial lesion", why=_BY_NAME),
    "ASC-H": Told(
        "atypia in which HSIL is not excluded", "a degree of doubt, not a grade", _BY_NAME
    ),
    "HSIL": Told("changes as of a high-grade squamous intraepithelial lesion", why=_BY_NAME),
    "SCC": Told(
        "changes as of a squamous cell carcinoma",
        "whether there is a carcinoma, tissue decides, not cells",
        _BY_NAME,
    ),
}
TOLD: Mapping[str, Mapping[str, Told]] = {
    "sipakmed": {
        "Dyskeratotic": Told(
            "abnormal keratinisation, of no single Bethesda category: refer",
            "it is no sign of HSIL by itself",
            "dyskeratosis often comes with HPV, is seen in keratinising lesions of high grade too, "
            "and can be mistaken for cancer; published readings contradict each other",
            ("Comprehensive", "Bethesda"),
        ),
        "Koilocytotic": Told(
            "koilocytes, the cytopathic effect of HPV",
            "what a cell looks like is no test for the virus",
            "Bethesda counts the cytopathic effect of HPV as LSIL",
        ),
        "Metaplastic": Told(
            "squamous metaplasia, which is benign",
            "published work counts these cells on either side of normal and abnormal",
            "Bethesda lists squamous metaplasia as non-neoplastic; the data set calls it benign",
        ),
        "Parabasal": Told(
            "parabasal cells",
            "immature cells, as in atrophy, mimic ASC-H",
            "the data set calls them normal; Bethesda lists atrophy as non-neoplastic",
        ),
        "Superficial-Intermediate": Told(
            "superficial and intermediate squamous cells", why="the data set calls them normal"
        ),
    },
    "herlev": {
        "normal_superficiel": Told(
            "superficial squamous cells", why="the data set calls them normal"
        ),
        "normal_intermediate": Told(
            "intermediate squamous cells", why="the data set calls them normal"
        ),
        "normal_columnar": Told(
            "columnar cells, the endocervical component", why="the data set calls them normal"
        ),
        "light_dysplastic": Told(
            "mild dysplasia (CIN 1)", _HISTOLOGY, "Bethesda counts mild dysplasia as LSIL"
        ),
        "moderate_dysplastic": Told(
            "moderate dysplasia (CIN 2)", _HISTOLOGY, "Bethesda counts moderate dysplasia as HSIL"
        ),
        "severe_dysplastic": Told(
            "severe dysplasia (CIN 3)", _HISTOLOGY, "Bethesda counts severe dysplasia as HSIL"
        ),
        "carcinoma_in_situ": Told(
            "carcinoma in situ (CIN 3)",
            "carcinoma in situ is within HSIL, and is not the word for an invasive cancer",
            "Bethesda counts carcinoma in situ as HSIL",
        ),
    },
    "cric": _BETHESDA,
    "cric-4": _BETHESDA,
    "mendeley": {
        name: Told(
            told.looks,
            "; ".join(filter(None, (told.caution, "a label of a whole field of view"))),
            told.why,
        )
        for name, told in _BETHESDA.items()
    },
    "lbc11": {
        **_BETHESDA,
        "AGC": Told("atypical glandular cells", "a degree of doubt, not a grade", _BY_NAME),
        **{
            name: Told(f"{looks}, of no single Bethesda category", _ORGANISM.caution, _ORGANISM.why)
            for name, looks in {
                "actinomyces": "bacteria as of Actinomyces",
                "candida": "fungi as of Candida",
                "flora": "bacterial flora",
                "herpes": "changes as by herpes simplex virus",
                "trichomonas": "Trichomonas",
            }.items()
        },
    },
}
"""Beside each class of `taxonomy.KNOWN`."""
