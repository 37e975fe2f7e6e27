// <photo-caption> shows how a photo was taken: "1/640 s · f/5.6 · 35 mm · ISO 100".
//
//	<figure>
//		<img src="photos/a.jpg" alt="The harbour">
//		<figcaption><photo-caption></photo-caption></figcaption>
//	</figure>
//
// The photo is the image of the figure, or src names it. All captions of a folder share one request for its EXIF.
// If an image has no width and height, they are set from a second one, so the page doesn't move when it loads.
//
// The server is Caddy with exif { operations exif imageInfo; folders }, in any style of values.

const folders = new Map(); // by the URL of a request: a promise of the folder's photos, by name

// photosOf requests an operation on a folder, page by page.
function photosOf(folder, operation, query, credentials) {
	const url = `${folder}@base@tag=${operation}${query}`;
	if (!folders.has(url)) {
		folders.set(url, load(url, credentials));
	}
	return folders.get(url);
}

async function load(url, credentials) {
	const photos = new Map();
	for (let next = url; next;) {
		const response = await fetch(next, {credentials});
		if (!response.ok) {
			throw new Error(`${next}: ${response.status}`);
		}
		for (const photo of await response.json()) {
			photos.set(photo.SourceFile, photo);
		}
		const link = /<([^>]*)>;\s*rel="next"/.exec(response.headers.get("Link") ?? "");
		next = link && new URL(link[1], next).href;
	}
	return photos;
}

// number reads a value of any style: 0.0015625, "1/640", "0.00156 (1/640) sec", "f/5.6", "35 mm".
function number(value) {
	if (typeof value === "number") {
		return value;
	}
	const m = /(\d+)\/(\d+)/.exec(value ?? "") ?? /()([\d.]+)/.exec(value ?? "");
	return m ? (m[1] ? m[1] / m[2] : Number(m[2])) : NaN;
}

const round = (n, digits) => String(Number(n.toFixed(digits)));

// caption returns the text for a photo's EXIF. What a photo doesn't tell is left out.
export function caption(exif) {
	const time = number(exif.ExposureTime);
	return [
		[time, t => (t < 0.3 ? `1/${round(1 / t, 0)} s` : `${round(t, 1)} s`)],
		[number(exif.FNumber), f => `f/${round(f, 1)}`],
		[number(exif.FocalLength), mm => `${round(mm, mm < 10 ? 1 : 0)} mm`],
		[number([exif.ISOSpeedRatings].flat()[0]), iso => `ISO ${round(iso, 0)}`],
	].filter(([n]) => n > 0 && n < Infinity).map(([n, text]) => text(n)).join(" · ");
}

class PhotoCaption extends HTMLElement {
	connectedCallback() {
		this.show().catch(error => console.warn(`photo-caption: ${error.message}`));
	}

	async show() {
		const image = this.closest("figure")?.querySelector("img");
		const source = this.getAttribute("src") ?? image?.getAttribute("src");
		if (!source) {
			return;
		}
		const url = new URL(source, document.baseURI);
		const cut = url.pathname.lastIndexOf("/") + 1;
		const folder = url.origin + url.pathname.slice(0, cut), name = decodeURIComponent(url.pathname.slice(cut));
		const credentials = image?.crossOrigin === "use-credentials" ? "include" : "same-origin";
		const sized = !image || image.hasAttribute("width") && image.hasAttribute("height");
		const [exif, info] = await Promise.all([
			photosOf(folder, "exif", url.search, credentials),
			sized ? null : photosOf(folder, "imageInfo", url.search, credentials),
		]);
		this.textContent = caption(exif.get(name) ?? {});
		const width = number(info?.get(name)?.displayWidth), height = number(info?.get(name)?.displayHeight);
		if (width > 0 && height > 0) {
			image.width = width;
			image.height = height;
		}
	}
}

customElements.define("photo-caption", PhotoCaption);
