package exif

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/caddyexif/caddy-exif/internal/testimage"
)

// sentences are typical captions of photos.
var sentences = map[string][]string{
	"English":     {"New York, 5th Avenue at night", "The old bridge over the river in autumn", "Happy birthday, Grandma! 80 years", "IMG_2041 edited"},
	"German":      {"Schöne Grüße aus München, größter Spaß", "Überall Äpfel und süße Öfen", "Straße nach Köln im Frühling 2019"},
	"French":      {"Été à la plage, près de l’île d’Oléron", "Ça va être génial à Noël", "L'église Saint-Étienne au crépuscule"},
	"Vietnamese":  {"Hà Nội mùa thu đẹp quá, bạn ơi!", "Phở bò và cà phê sữa đá ở Sài Gòn", "Đường đến trường của tôi"},
	"Polish":      {"Zażółć gęślą jaźń, Łódź wieczorem", "Święta u babci w Krakowie"},
	"Turkish":     {"İstanbul Boğazı'nda güneş batışı", "Çocuklar şeker yiyor, ılık bir gün"},
	"Russian":     {"Красная площадь зимой, Москва", "Это моя бабушка на даче", "Привет из Санкт-Петербурга!"},
	"Ukrainian":   {"Київ, Хрещатик увечері", "Їжак у саду біля дому"},
	"Greek":       {"Καλημέρα από την Αθήνα, ηλιοβασίλεμα", "Η θάλασσα στη Σαντορίνη", "ένα παλιό σπίτι"},
	"Hebrew":      {"שלום מירושלים, הכותל המערבי", "חוף הים בתל אביב בערב", "יום הולדת שמח"},
	"Arabic":      {"صورة من مدينة القاهرة القديمة", "مرحبا بكم في دبي، برج خليفة", "غروب الشمس على البحر"},
	"Persian":     {"تهران در شب، برج میلاد", "گل\u200cهای باغ مادربزرگ"},
	"Hindi":       {"ताजमहल, आगरा में सूर्योदय", "मेरा भारत महान है।", "दिल्ली की पुरानी गलियाँ"},
	"Bengali":     {"আমার সোনার বাংলা, ঢাকা", "নদীর ধারে সূর্যাস্ত"},
	"Tamil":       {"சென்னை மெரினா கடற்கரை", "வணக்கம் நண்பர்களே"},
	"Thai":        {"วัดพระแก้ว กรุงเทพมหานคร", "สวัสดีครับ อาหารอร่อยมาก", "เกาะสมุยตอนเย็น"},
	"Georgian":    {"თბილისი საღამოს, ძველი ქალაქი"},
	"Armenian":    {"Երևան, Արարատ լեռը առավոտյան"},
	"Japanese":    {"東京　タワー", "京都の桜がとても綺麗でした。", "富士山、河口湖から撮影", "おばあちゃんの誕生日パーティー", "ありがとうございます", "夕焼けの海と江ノ島電鉄", "カメラ：ニコン、レンズ５０ｍｍ"},
	"Chinese":     {"一", "一个人的旅行，北京天安门广场", "上海外滩夜景真漂亮！", "我和妈妈在颐和园", "中国人民大学毕业照", "西湖十景之断桥残雪", "今天天气很好，我们去公园玩。"},
	"Traditional": {"臺北一○一大樓，跨年煙火", "香港維多利亞港的夜景", "阿里山日出雲海", "媽媽煮的牛肉麵很好吃！"},
	"Korean":      {"서울 남산타워 야경", "안녕하세요, 제주도 여행 사진입니다", "할머니 생신 축하드려요!", "경복궁의 가을 단풍"},
	"Telugu":      {"హైదరాబాద్ చార్మినార్", "అమ్మ తోటలో"},
	"Malayalam":   {"കൊച്ചിയിലെ സൂര്യാസ്തമയം"},
	"Khmer":       {"អង្គរវត្ត ពេលព្រឹក"},
	"Lao":         {"ວຽງຈັນ ຕອນແລງ"},
	"Burmese":     {"ရန်ကုန်မြို့ ညနေခင်း"},
	"Amharic":     {"አዲስ አበባ ከተማ"},
	"decomposed":  {"Ha\u0300 No\u0323\u0302i", "U\u0308ber den Da\u0308chern"},
	"emoji":       {"😀👍🎉", "Party 🎉🎉 with friends 😀", "❤️ love", "🇩🇪 Berlin ☀️"},
}

// utf16Bytes encodes a text, without a byte order mark.
func utf16Bytes(order binary.AppendByteOrder, s string) (b []byte) {
	for _, u := range utf16.Encode([]rune(s)) {
		b = order.AppendUint16(b, u)
	}
	return b
}

// comments lists the tags whose text has a character code.
func comments(big bool, value []byte) *testimage.Block {
	return &testimage.Block{
		BigEndian: big,
		Exif:      []testimage.Entry{testimage.Undefined(0x9286, value)},
		GPS:       []testimage.Entry{testimage.Undefined(0x001B, value), testimage.Undefined(0x001C, value)},
	}
}

// commentOf decodes a value as each of these tags, and checks that the texts are the same.
func commentOf(t *testing.T, big bool, value []byte, o *Options) string {
	t.Helper()
	m, err := Decode(bytes.NewReader(comments(big, value).Encode()), o)
	if err != nil || m.Len() != 3 {
		t.Fatalf("got %v, %d tags", err, m.Len())
	}
	for i := range m.tags {
		if m.tags[i].val.text != m.tags[0].val.text {
			t.Fatalf("%s is %q, %s is %q", m.tags[0].name, m.tags[0].val.text, m.tags[i].name, m.tags[i].val.text)
		}
	}
	return m.tags[0].val.text
}

// ambiguous lists parts of sentences that are as plausible in the other byte order: "大樓" is "❙፪" there.
var ambiguous = map[string]bool{"京　": true, "一大": true, "一大樓": true, "和妈": true, "和妈妈": true, "妈妈": true, "大樓": true, "녕하": true, "దర": true}

// TestUTF16InEitherByteOrder: a text of any length decodes right in the file's byte order, and one of two
// or more letters in the other.
func TestUTF16InEitherByteOrder(t *testing.T) {
	orders := [...]binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}
	all, wrong := 0, 0
	for language, list := range sentences {
		for _, sentence := range list {
			letters := []rune(sentence)
			for from := range letters {
				for n := 1; n <= min(len(letters)-from, 40) && (from == 0 || n <= 5); n++ {
					text := string(letters[from : from+n])
					want := strings.TrimRight(text, " ")
					for _, order := range orders {
						value := append([]byte("UNICODE\x00"), utf16Bytes(order, text)...)
						for _, big := range []bool{false, true} {
							own := big == (order == binary.AppendByteOrder(binary.BigEndian))
							got := commentOf(t, big, value, &Options{})
							all++
							if got == want {
								continue
							}
							if own || n > 1 && !ambiguous[want] {
								t.Errorf("%s, %v, file big-endian %v: got %+q, want %+q", language, order, big, got, want)
							}
							wrong++
						}
					}
				}
			}
		}
	}
	t.Logf("%d of %d, texts of one letter or ambiguous in the order that isn't the file's", wrong, all)
}

// TestUTF8CalledUnicode: writers mark texts in UTF-8 as UNICODE. One of 20 letters, in any script, must not decode as
// UTF-16, whatever pads it.
func TestUTF8CalledUnicode(t *testing.T) {
	texts := []string{`{"AIGC":{"Label":"1","ContentProducer":"x"}}`, "masterpiece, 1girl, Steps: 20, Sampler: Euler a", "Grüße", "中文说明"}
	for _, list := range sentences {
		for _, sentence := range list {
			if len([]rune(sentence)) >= 20 {
				texts = append(texts, sentence)
			}
		}
	}
	if len(texts) < 40 {
		t.Fatalf("only %d texts", len(texts))
	}
	for _, text := range texts {
		for _, code := range []string{"UNICODE\x00", "UNICODE ", "Unicode\x00"} {
			for _, padding := range []string{"", "\x00", strings.Repeat("\x00", 99)} {
				for _, big := range []bool{false, true} {
					if got := commentOf(t, big, []byte(code+text+padding), &Options{}); got != text {
						t.Errorf("%q%q, big-endian %v: got %q", code, text, big, got)
					}
				}
			}
		}
	}
}

// TestOneLetterReadsInTheFilesOrder decodes every single letter and sign except rare ones.
func TestOneLetterReadsInTheFilesOrder(t *testing.T) {
	var w textWeight
	all := 0
	for r := rune(' '); r <= 0xFFFF; r++ {
		if bits, _ := w.letter(r); bits > 11 {
			continue
		}
		all++
		for _, order := range []binary.ByteOrder{binary.LittleEndian, binary.BigEndian} {
			b := make([]byte, 2)
			order.PutUint16(b, uint16(r))
			if textOrder(order, b) != order {
				t.Errorf("%U %q, %v: reads in the other order", r, r, order)
			}
		}
	}
	if all < 10000 {
		t.Errorf("only %d letters", all)
	}
}

// TestByteOrderOfPaddedText: fields of a fixed size end with NUL, and the bytes after it don't count.
func TestByteOrderOfPaddedText(t *testing.T) {
	for _, text := range []string{"Hello", "東京　タワー", "Привет", "😀👍🎉"} {
		for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
			for _, big := range []bool{false, true} {
				for _, behind := range []string{"", "garbage garbage garbage garbage", "\xFF\xFE\xFF\xFE\xFF\xFE"} {
					value := append([]byte("UNICODE\x00"), utf16Bytes(order, text)...)
					value = append(append(append(value, 0, 0), behind...), make([]byte, 500)...)
					if got := commentOf(t, big, value, &Options{}); got != text {
						t.Errorf("%v, file big-endian %v: got %q, want %q", order, big, got, text)
					}
				}
			}
		}
	}
}

// TestByteOrderMarkOverridesGuess: a byte order mark overrides the most plausible guess.
func TestByteOrderMarkOverridesGuess(t *testing.T) {
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		for _, text := range []string{"New York", "一", "一一", "攀攀攀", "\uE900\uE901\uE902"} {
			for _, big := range []bool{false, true} {
				value := append([]byte("UNICODE\x00"), utf16Bytes(order, "\uFEFF"+text)...)
				if got := commentOf(t, big, value, &Options{}); got != text {
					t.Errorf("%v, file big-endian %v: got %q, want %q", order, big, got, text)
				}
			}
		}
	}
}
