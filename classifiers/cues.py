"""Words that say what a comment does rather than what it is about: it calls, promises, addresses, denies, blames, praises.

Each kind is one hand-made feature for all languages together, so a language without training data profits from the
others. The cues are few on purpose, the hashed words learn the rest; the categories are many, since what a comment is about
and how it speaks is known by them alone where no training text had its words.
"""

import tomllib
from pathlib import Path

CATEGORIES = (
    "harm", "good", "out", "beast",
    "self", "past", "reason", "ask", "civil", "laugh", "feel", "mind", "body", "sex", "kin",
    "sport", "media", "home", "city", "state", "work", "tech", "time", "small",
)  # fmt: skip
"""The kinds of ordinary words in `seeds/categories`: what is bad or good, who is to leave, and to which animals people are
likened; how one speaks (of oneself, of what was, in reasons, questions, politeness, laughter, feelings) and of what; and the
small words that tell a sentence from a shout."""

CUES: dict[str, str] = {
    "call": """
        click visit contact whatsapp telegram dm inbox join subscribe subscribed sub buy order follow follower followers
        check apply register signup download call text reply claim visit watch hire hurry message messaged reach recover
        clic cliquez visitez contactez inscrivez rejoignez abonnez commandez achetez
        haz visita contacta suscribete unete compra sigueme escribeme registrate
        clique visite acesse inscreva chama compre siga entre cadastre
        klick klicke klicken besuche besuchen kontaktiere bestellen bestelle abonniere folge melde jetzt kaufen
        clicca visita contatta iscriviti compra seguimi scrivimi
        klik bezoek bestel koop volg abonneer
        kliknij wejdz zapisz subskrybuj kup zamow napisz
        tikla tiklayin abone katil takip ulasin
        жми жмите кликни переходи переходите подпишись подписывайся подписывайтесь пиши пишите закажи заказать заходи
        вступай звони
        тисни тисніть переходь переходьте підпишись підписуйся пишіть замов замовляй
        اضغط اشترك تواصل انضم تابع زور 点击 加 联系 订阅 구독 클릭 문의
    """,
    "money": """
        free cash money prize winner won win bonus earn earning earnings income profit profits invest investment investor
        bitcoin btc crypto eth usdt forex trading trader broker loan loans credit debt cheap discount offer sale deal
        gift giveaway reward rich million weekly payout casino betting bet slots jackpot poker lottery wallet nft airdrop
        viagra cialis pills pharmacy seo backlinks traffic ranking replica rolex
        gratuit gratuite argent gagner gagnez pret prets credit revenu benefice
        gratis dinero ganar gana prestamo prestamos ingresos ganancias inversion oferta
        dinheiro ganhar ganhe emprestimo renda lucro investimento promocao
        kostenlos gratis geld verdienen kredit gewinn rabatt angebot
        soldi guadagnare guadagna prestito prestiti guadagno
        verdien lening korting
        pieniadze zarabiaj zarobek pozyczka kredyt darmowe
        bedava para kazan kazanc kredi bahis bonus
        деньги заработок заработай доход бесплатно кредит займ выигрыш казино ставки скидка прибыль инвестиции крипта
        гроші заробіток дохід безкоштовно кредит позика виграш ставки знижка прибуток
        مجانا ربح مال قرض استثمار 赚钱 免费 赌场 贷款 대출 무료 수익
    """,
    "praise": """
        amazing awesome great wonderful fantastic excellent brilliant thanks thank grateful helpful testimony legit
        trustworthy genuine recommend recommended reliable expert professional honest miracle blessed
    """,
    "you": """
        you your youre yours yourself u ur ya yall du dich dir dein deine ihr euch tu te toi ton ta tes vous votre vos
        tu ti tuo tua voce voces vc teu tua usted ustedes vosotros jij je jou jouw jullie ty tobie ciebie twoj
        wy was wam sen sana seni senin siz ты тебя тебе твой твоя вы вас вам ваш ти тебе тобі твій ви вас انت انتم 你 你们 妳
        너 니 네 당신 너희
    """,
    "they": """
        they them their those these people theyre sie diese denen ils elles leur ces ellos ellas esos eles elas esses
        loro questi zij hun deze oni ich onlar bunlar они их эти вони їх ці هم هؤلاء 他们 她们 这些 그들
    """,
    "not": """
        not no never dont doesnt isnt arent wasnt cant wont nobody none without nicht kein keine nie pas jamais aucun ne
        nao nunca nem non mai niet geen nooit nie degil yok не нет никогда ні немає لا ليس 不 没 没有 不是 안 아니 못
    """,
    "should": """
        should must deserve deserves need ought let lets sollte sollten muss mussen verdient devrait devraient faut
        deberia deberian merece merecen deve deveria devem dovrebbe dovrebbero moet moeten powinien powinni gerek lazim
        должны должен надо нужно пора треба мусять повинні يجب 应该 必须 해야
    """,
    "violence": """
        kill killed killing die dead death shoot shot hang hanged burn beat rape murder stab punch destroy slap bomb lynch
        gas smash choke strangle behead
        toten umbringen sterben erschiessen hangen schlagen tuer mort crever pendre frapper buter
        matar muere muerte morir golpear ahorcar fusilar morre morrer bater enforcar
        uccidere morire morte ammazzare picchiare doden vermoorden dood schieten
        zabic zabije zdychaj smierc powiesic oldur olsun geber gebersin asilsin
        убить убью сдохни смерть повесить расстрелять сжечь убити вбити здохни смерть повісити
        اقتل موت قتل 杀 死 去死 打死 죽 죽어 죽여
    """,
}
"""Kind of cue -> its words, in all languages."""


def cue_words() -> dict[str, tuple[str, ...]]:
    """Give each cue word with the kinds it belongs to."""
    kinds: dict[str, list[str]] = {}
    for kind, listed in CUES.items():
        for word in dict.fromkeys(listed.split()):
            kinds.setdefault(word, []).append(kind)
    return {word: tuple(found) for word, found in kinds.items()}


def category_words() -> dict[str, tuple[str, ...]]:
    """Give the words of each category, in all languages, as they are listed."""
    found: dict[str, list[str]] = {kind: [] for kind in CATEGORIES}
    for path in sorted((Path(__file__).parent / "seeds" / "categories").glob("*.toml")):
        for kind, words in tomllib.loads(path.read_text("utf-8")).items():
            found[kind] += words.split()
    return {kind: tuple(dict.fromkeys(words)) for kind, words in found.items()}
