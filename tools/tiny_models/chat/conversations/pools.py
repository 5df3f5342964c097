"""Word pools of the generator: what stands in the slots of its sentences.

The order of a pool matters: a value is drawn by its position, so that another order gives other
samples for the same seed.
"""


def words_of(text: str) -> tuple[str, ...]:
    """The words of a block of text, in order."""
    return tuple(text.split())


NAMES = words_of("""
Ann Bob Carol David Emma Frank Grace Henry Iris Jack Kate Leo Maria Nick Olga Paul Rosa Sam Tina
Victor Wendy Zoe Alice Ben Clara Dora Eric Fiona George Hana Ivan Julia Karl Lena Mark Nora Oscar
Petra Quinn Rita Steve Tom Ursula Vera Will Yara Zack Chiharu Hugo Mila
""")

CITIES = words_of("""
Paris London Berlin Rome Madrid Tokyo Vienna Oslo Lisbon Prague Dublin Athens Cairo Lima Boston
Chicago Delhi Seoul Sydney Toronto Helsinki Warsaw Budapest Geneva Milan Naples Porto Quebec Riga
Sofia Tunis Zurich Dakar Denver Dallas Havana Jakarta Kyoto Lagos Manila
""")

TIME_ZONES = words_of("""
Europe/London Europe/Paris Europe/Berlin Europe/Rome Europe/Madrid Asia/Tokyo Asia/Seoul Asia/Delhi
America/Chicago America/Toronto America/Lima Africa/Cairo Africa/Lagos Australia/Sydney Europe/Oslo
Asia/Manila America/Denver America/Havana Europe/Prague Europe/Vienna Asia/Jakarta Africa/Tunis
Europe/Athens Europe/Dublin America/New_York Asia/Shanghai UTC
""")

ADJECTIVES = words_of("""
red blue green yellow black white pink small big tall old new happy sad quick slow quiet loud warm
cold soft hard bright dark sweet brave clever lazy strange
""")

NOUNS = words_of("""
cat dog bird fish horse cow mouse tree house car boat book chair table lamp river mountain apple
banana pear cake bread cheese moon sun star cloud king queen robot dragon garden window door train
bridge castle flower pencil hammer violin guitar piano bottle basket ladder mirror
""")

# As in "the cat sleeps".
VERBS = words_of("""
sleeps runs sings jumps eats waits falls swims dances flies laughs reads grows shines works
""")

FOODS = words_of("apple cheese chocolate pumpkin lemon banana carrot honey vanilla ginger")

JOBS = words_of("""
teacher doctor pirate pilot gardener wizard detective cook farmer singer painter sailor librarian
guard
""")

HOBBIES = words_of("""
chess music painting football cooking reading dancing fishing singing hiking swimming tea books cats
rain
""")

COMMON_WORDS = words_of("""
able account action actor address advice agent album alarm angle animal answer anchor apron arrow
artist autumn badge balance ballet bamboo banner barrel battery beach beacon beetle berry bicycle
biscuit blossom bonus border bottom branch brick broom bucket budget builder bundle butter button
cabin cable camera camp candle captain carpet carton cattle cellar cement center channel chapter
charge chart cherry chest circle citizen class clay client cliff clock cloth coach coast collar
college column comet comfort command concert contract corner cotton counter cover crayon cream
credit creek crown crystal culture curtain custom dance danger data debate decade degree delta
desert design desk diamond diary dinner dish district domain donkey draft drawer dream dress driver
drum eagle east echo editor effect effort elbow element emerald empire energy entry error escape
estate event exam example expert fabric factor family farm fashion father feather fence festival
field figure filter finger fire flag flame flavor flight floor flour focus forest form fortune frame
freedom friend frog frost fruit funnel future gallery game garage gate gift glass glove goal goat
grain grape grass gravity grid group guest guide hall hand handle heart heat height hill history
hobby holiday hotel hour human hunter image impact income index insect invoice island jacket jewel
journal journey judge juice junior kernel keyboard kitchen kitten knife label lake language laptop
laser leader leaf league leather legend lesson letter level library light lily limit line liquid
lizard lobby lock logic lunch machine magic manager manual maple margin market master match matter
meadow meal medal melody member memory menu message metal method middle mineral minute mission
mixture model moment monkey month motor movie museum nation nature needle nephew nest network night
noise north novel number oak object ocean office olive onion opera option orbit order organ origin
otter oven owner oxygen packet page paint palace panel paper parade parcel parent park parrot party
passage pattern peace peak pebble people period phone photo phrase picture pigeon pine pipe planet
plate player poem point police pool port poster potato powder power price prince print prize problem
product profile project pupil puzzle quarter question rail rain range ratio reader reason record
region report rescue result ribbon rice ring road rock roof room root rope route ruler sail salad
salt sample sand sauce scale scene school science score screen screw season second secret seed sense
series server session shadow shape share sheet shelf shell shield ship shirt shoe shop shore
shoulder signal silk size skill skin sleep smile smoke snake snow soap social soil soldier song soup
source south space speaker spider spirit spoon sport spring square stable staff stage stair stamp
state station statue steam steel stick stone storm story straw stream street string student studio
style subject sugar suit surface swan switch symbol system table talent target task taxi teacher
team temple tennis tent theater theory thread throat tiger timber title toast today tomato tone tool
tooth topic total touch tower town track trade trail travel treasure treat trial tribe truck trust
tulip turtle type uncle union unit update user valley value van vector vehicle vessel village vine
vision visit voice voyage wagon wall water wave weather wedding weight west wheat wheel wind wine
winter wire wolf woman wood wool world worker writer yard year yellowish yesterday youth
""")

# Made-up words are put together from these, so that they look like English.
WORD_PARTS = words_of("""
ab ac ad af ag ak al am an ap ar as at av az ba be bi bo bu ca ce ci co cu da de di do du eb ec ed
ef eg el em en ep er es et ev ex fa fe fi fo fu ga ge gi go gu ha he hi ho hu ib ic id if ig il im
in ip ir is it iv ja je ji jo ju ka ke ki ko ku la le li lo lu ma me mi mo mu na ne ni no nu ob oc
od of og ol om on op or os ot ov pa pe pi po pu qua que qui ra re ri ro ru sa se si so su ta te ti
to tu ub uc ud ug ul um un up ur us ut va ve vi vo wa we wi wo xa xe ya ye yo za ze zi zo bra cre
dra fri gra pro tra bel ber bur can car cen cha che chi cho cla cle cli con cor dan den der don ell
ence end ent ern est eth fer fin fla fle for ger gen ham han har hel her hil hol ian ill ine ing ion
ish ist ite ity kel ken ker kin lan land len ler ley lin lon man mar mel men ment mer min mon mor
nel ner ness ning nor ock old oll ong ood ook oon ord ore orn ort oss oth ound our ous out own par
pen per pic pla ple pol por pre rab ran rea red ren rin ron ros row sal san sen ser sha she shi sho
son spa spe sta ste sti sto str sun tan tel ten ter the tic tin tion tle ton tor tre tri tur uck ull
und ung ure urn ust val van vel ven ver vin wal war wel wen wer win wis wood yan zel
""")

# The parts of a simple syllable; a letter that stands twice is drawn twice as often.
ONSETS = words_of("b c d f g h j k l m n p r s t v w z br ch cl dr fl gr kr pl sh sk st th tr qu")

VOWELS = words_of("a e i o u a e i o ai ea ou")

CODAS = words_of("n r l s t m k d p x")

JSON_KEYS = words_of("""
name city color title animal food key word id value answer text country age year price count size
status type owner language email day topic job team role level score
""")

# Keys of what a tool returns.
RESULT_KEYS = words_of("""
temperature sky time price name status id city total count title result answer message distance
color owner date email score size weight population level
""")

# What a tool can do; also the first word of its name.
ACTIONS = words_of("""
get find open buy check delete make show create update start stop send read write load save close
list count move add remove fetch run build test print play paint clean cook wash lock unlock drop
lift push pull sell rent plan track scan sort merge split copy call book order query lookup compute
convert export import upload download enable disable set reset cancel confirm approve reject assign
publish translate summarize describe
""")

PHRASAL_ACTIONS = tuple(
    pair.replace("-", " ")
    for pair in words_of("""
look-for look-at turn-off switch-on switch-off set-up pick-up shut-down check-out sign-in back-up
fill-in write-down log-out hand-over put-away open-up clean-up
""")
)

PARAMETER_NAMES = words_of("""
name id owner size color title city place user email code key value text message topic label note
status type level count number amount price year day date time limit page width height weight speed
room item product language country person target source path url file tag group team priority mode
format query reason subject address phone comment channel device quantity duration
""")

# Parameters of these names always hold a number.
NUMERIC_NAMES = words_of("""
size level count number amount price year limit page width height weight speed quantity duration age
""")
