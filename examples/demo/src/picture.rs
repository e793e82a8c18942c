//! A screenshot of the demo's own: a shop's page whose pay button is grey, drawn pixel by pixel.

/// Width and height, in pixels.
const SIZE: (usize, usize) = (240, 135);
const BYTES_PER_PIXEL: usize = 3;

type Rgb = [u8; BYTES_PER_PIXEL];

/// A rectangle: left, top, width, height.
type Area = (usize, usize, usize, usize);

/// The page as a PNG.
pub fn screenshot() -> Vec<u8> {
    let mut pixels = vec![[0xf6, 0xf7, 0xf9]; SIZE.0 * SIZE.1];
    let mut fill = |(left, top, width, height): Area, colour: Rgb| {
        for y in top..(top + height).min(SIZE.1) {
            for x in left..(left + width).min(SIZE.0) {
                pixels[y * SIZE.0 + x] = colour;
            }
        }
    };
    // The bar, the cart's three lines, the card, and the button that can't be pressed.
    fill((0, 0, 240, 18), [0x1f, 0x3a, 0x5f]);
    fill((10, 6, 50, 6), [0xff, 0xff, 0xff]);
    for line in 0..3 {
        fill((20, 32 + line * 16, 90, 8), [0xc4, 0xcb, 0xd6]);
        fill((190, 32 + line * 16, 30, 8), [0x8a, 0x95, 0xa5]);
    }
    fill((20, 82, 200, 16), [0xe3, 0xed, 0xfa]);
    fill((26, 87, 60, 6), [0x1f, 0x6f, 0xd0]);
    fill((20, 106, 200, 18), [0xb8, 0xbd, 0xc4]);
    fill((100, 112, 40, 6), [0xd8, 0xdb, 0xdf]);
    png(&pixels)
}

/// A PNG of 8-bit RGB (<https://www.w3.org/TR/png-3/>), not compressed.
fn png(pixels: &[Rgb]) -> Vec<u8> {
    let mut lines = Vec::new();
    for line in pixels.chunks(SIZE.0) {
        // No filter.
        lines.push(0);
        lines.extend(line.as_flattened());
    }
    let mut file = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(&(SIZE.0 as u32).to_be_bytes());
    header.extend(&(SIZE.1 as u32).to_be_bytes());
    // 8 bits a channel, RGB, and the only methods there are.
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut file, b"IHDR", &header);
    chunk(&mut file, b"IDAT", &zlib(&lines));
    chunk(&mut file, b"IEND", &[]);
    file
}

fn chunk(file: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
    file.extend(&(data.len() as u32).to_be_bytes());
    let start = file.len();
    file.extend(kind);
    file.extend(data);
    let checksum = crc32(&file[start..]);
    file.extend(&checksum.to_be_bytes());
}

/// A zlib stream (RFC 1950) of stored blocks (RFC 1951, section 3.2.4).
fn zlib(data: &[u8]) -> Vec<u8> {
    let mut stream = vec![0x78, 0x01];
    let blocks = data.chunks(0xffff);
    let last = blocks.len() - 1;
    for (index, block) in blocks.enumerate() {
        let length = block.len() as u16;
        stream.push(u8::from(index == last));
        stream.extend(&length.to_le_bytes());
        stream.extend(&(!length).to_le_bytes());
        stream.extend(block);
    }
    stream.extend(&adler32(data).to_be_bytes());
    stream
}

fn adler32(data: &[u8]) -> u32 {
    let (a, b) = data.iter().fold((1_u32, 0_u32), |(a, b), byte| {
        let a = (a + u32::from(*byte)) % 65_521;
        (a, (b + a) % 65_521)
    });
    b << 16 | a
}

fn crc32(data: &[u8]) -> u32 {
    let crc = data.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
            if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 }
        })
    });
    !crc
}
