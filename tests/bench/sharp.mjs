// CPU of one picture by sharp: node sharp.mjs FOLDER SIDE FORMAT ROUNDS → JSON, milliseconds each.
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [folder, side, format, rounds] = process.argv.slice(2);
const sharp = createRequire(process.cwd() + "/")("sharp");
sharp.cache(false);
sharp.concurrency(1);
const pictures = readdirSync(folder).filter((name) => name.endsWith(".jpg"))
    .map((name) => readFileSync(`${folder}/${name}`));
const draw = (picture) => sharp(picture).resize(+side, +side).toFormat(format).toBuffer();
const found = [];
for (const picture of pictures) {
    for (let warm = 0; warm < 20; warm++) await draw(picture);
    const before = process.cpuUsage();
    let bytes;
    for (let round = 0; round < +rounds; round++) bytes = await draw(picture);
    const { user, system } = process.cpuUsage(before);
    found.push({ ms: (user + system) / 1000 / +rounds, bytes: bytes.length,
                 body: bytes.toString("base64") });
}
console.log(JSON.stringify(found));
