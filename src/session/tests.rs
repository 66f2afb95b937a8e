//! When the whole screen is drawn, on a clock that moves when nobody has anything to do.

use tokio::time::{Instant, advance};

use super::{
    canvas::{MODES, Wipe},
    *,
};
use crate::{
    domain::{calendar::Zone, palette::Palette},
    tui::{
        AppSettings,
        command::Key,
        theme::{Colours, Glyphs, Terminal},
    },
};

#[derive(Debug)]
struct VirtualClock(Instant);

impl Clock for VirtualClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_597_283_585).unwrap() + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        self.0.elapsed()
    }
}

#[derive(Debug)]
struct NoChance;

impl Random for NoChance {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Hands frames over as they come.
struct Frames(mpsc::UnboundedSender<Vec<u8>>);

#[async_trait]
impl Door for Frames {
    async fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(bytes.to_vec()).map_err(io::Error::other)
    }
}

/// A session at a terminal of 80x24, and what it has drawn.
struct Sitting {
    keys: mpsc::Sender<Input>,
    frames: mpsc::UnboundedReceiver<Vec<u8>>,
    _closing: watch::Sender<Closing>,
    _services: watch::Sender<Option<Arc<Services>>>,
}

impl Sitting {
    fn begin(wipe: Wipe) -> Self {
        let (keys, mut inputs) = mpsc::channel(4);
        #[expect(
            clippy::disallowed_methods,
            reason = "a test draws few frames, and reads them"
        )]
        let (send_frames, frames) = mpsc::unbounded_channel();
        let (close, closing) = watch::channel(Closing::No);
        let (open, services) = watch::channel(None);
        let settings = SessionSettings {
            source: Source::Console("loket-1".to_owned()),
            clock: Arc::new(VirtualClock(Instant::now())),
            random: Arc::new(NoChance),
            limits: IdleLimits::default(),
            services,
            wipe,
            ends_with_visit: wipe == Wipe::Screen,
            attendance: Arc::default(),
            waits: Waits::default(),
        };
        let app = App::new(AppSettings {
            office: "LPSE Kota Contoh".to_owned(),
            banner: None,
            session: "loket-1".to_owned(),
            training: None,
            zone: Zone::Wib,
            version: "0.1.0".to_owned(),
            language: Language::Id,
            is_guest: wipe == Wipe::Screen,
            reset_by_mail: false,
            reading_time: Duration::ZERO,
            reset_link_holds: Duration::from_secs(30 * 60),
            terminal: Terminal {
                glyphs: Glyphs::Unicode,
                colours: Colours::Ansi256,
                no_color: false,
                sequences: Default::default(),
            },
            palette: Some(Palette::DARK),
        });
        tokio::spawn(async move {
            let size = Size::new(80, 24);
            run(
                settings,
                app,
                size,
                Frames(send_frames),
                &mut inputs,
                closing,
            )
            .await
        });
        Self {
            keys,
            frames,
            _closing: close,
            _services: open,
        }
    }

    /// Whether each frame of the next `seconds` draws everything.
    async fn frames_within(&mut self, seconds: u64) -> Vec<bool> {
        let end = Instant::now() + Duration::from_secs(seconds);
        let mut frames = Vec::new();
        while let Ok(Some(frame)) = tokio::time::timeout_at(end, self.frames.recv()).await {
            frames.push(is_whole(&frame));
        }
        frames
    }

    /// Whether the frame after `input` draws everything.
    async fn draws_all_after(&mut self, input: Input) -> bool {
        self.keys.send(input).await.expect("the session goes on");
        is_whole(&self.frames.recv().await.expect("a frame"))
    }
}

fn is_whole(frame: &[u8]) -> bool {
    let has_modes = frame.windows(MODES.len()).any(|bytes| bytes == MODES);
    assert_eq!(
        has_modes,
        frame.windows(4).any(|bytes| bytes == b"\x1b[2J"),
        "modes are set where the screen is cleared, and only there"
    );
    has_modes
}

fn ctrl_l() -> Input {
    Input::Key(KeyPress {
        ctrl: true,
        ..Key::Char('l').into()
    })
}

fn language() -> Input {
    Input::Key(Key::Function(2).into())
}

#[tokio::test(start_paused = true)]
async fn a_kiosks_screen_is_drawn_whole_each_minute_and_a_lent_one_at_first() {
    let mut kiosk = Sitting::begin(Wipe::All);
    assert_eq!(kiosk.frames_within(240).await, [true; 5]);
    let mut guest = Sitting::begin(Wipe::Screen);
    assert_eq!(
        guest.frames_within(240).await,
        [true, false, false, false, false]
    );
}

#[tokio::test(start_paused = true)]
async fn the_first_key_after_a_silence_draws_a_kiosks_screen_whole() {
    let mut kiosk = Sitting::begin(Wipe::All);
    kiosk.frames_within(1).await;
    assert!(!kiosk.draws_all_after(language()).await);
    advance(SILENCE / 2).await;
    assert!(!kiosk.draws_all_after(language()).await);
    advance(SILENCE).await;
    assert!(kiosk.draws_all_after(language()).await);
    assert!(!kiosk.draws_all_after(language()).await);
    let mut guest = Sitting::begin(Wipe::Screen);
    guest.frames_within(1).await;
    advance(SILENCE).await;
    assert!(!guest.draws_all_after(language()).await);
}

#[tokio::test(start_paused = true)]
async fn ctrl_l_and_any_word_of_the_size_draw_the_screen_whole() {
    for wipe in [Wipe::All, Wipe::Screen] {
        let mut person = Sitting::begin(wipe);
        person.frames_within(1).await;
        assert!(person.draws_all_after(ctrl_l()).await);
        let same_size = Input::Resize(Size::new(80, 24));
        assert!(person.draws_all_after(same_size).await);
        // Over a page, too.
        let page = Input::Key(Key::Function(3).into());
        assert!(!person.draws_all_after(page).await);
        assert!(person.draws_all_after(ctrl_l()).await);
    }
}
