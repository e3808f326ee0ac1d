// Every word of the page in both languages, and the language in use.

const WORDS = {
  zh: {
    title: "语音合成", skip: "跳到输入框", text: "要朗读的文字", textHint: "输入中文或英文…", presets: "示例",
    emotion: "情感", voice: "声音", intensity: "情感强度", speed: "语速", pitch: "音高", key: "访问密钥",
    speak: "合成语音", stop: "停止", result: "结果", format: "格式", download: "下载", curl: "等效的 curl 命令",
    copy: "复制", copied: "已复制", history: "历史记录", clear: "清空", again: "再次使用",
    historyEmpty: "这里会显示本机上合成过的文字，不会上传。", count: "{n} / {most} 字",
    countOver: "{n} / {most} 字，多出 {over} 字", markup: "也可以输入 SSML，例如：", encoding: "正在生成 {format} 文件… {s} 秒",
    working: "正在合成… 已生成 {s} 秒",
    ready: "完成：{s} 秒", stopped: "已停止", wave: "波形，{s} 秒。点击可跳转", other: "English",
    neutral: "中性", happy: "高兴", sad: "悲伤", angry: "愤怒", fear: "恐惧", hate: "厌恶", surprise: "惊讶",
    unreachable: "无法连接服务，请检查网络后重试。", broken: "音频传输中断，请重试。",
    invalid_field: "“{field}”的值无效：{message}", text_too_long: "文字太长：{message}",
    nothing_to_speak: "没有可以朗读的内容。请输入文字。", audio_too_long: "生成的音频会太长，请缩短文字。",
    unsupported: "这个声音做不到：{message}", unauthorized: "需要有效的访问密钥。", busy: "请求太多，请 {retry} 秒后重试。",
    unavailable: "语音引擎暂时不可用，请稍后重试。", loading: "语音引擎正在加载，请稍后重试。",
    voice_failed: "语音引擎无法启动，请联系管理员。", voice_crashed: "语音引擎处理这段文字时出错，请重试。",
    overloaded: "服务繁忙，请稍后重试。", deadline_exceeded: "合成超时，请缩短文字。",
    talk: "对话", microphone: "按下说话", enough: "说完了", hush: "打断", listening: "正在听…", asking: "正在回答…",
    heardNothing: "没有听到说话。", no_microphone: "无法使用麦克风：请允许使用，或接上一个。",
    bad_audio: "录音无法识别，请重试。", responder_failed: "现在没有人能回答，请稍后重试。",
    text_missing: "没有可以朗读的内容。请输入文字。", codec_crashed: "生成文件时出错，请重试。",
    too_much_sound: "音频太长，无法以这种格式一次生成：请缩短文字或换一种格式。", other_error: "出错了（{code}）：{message}",
  },
  en: {
    title: "Speech synthesis", skip: "Skip to the text", text: "Text to speak", textHint: "Type Chinese or English…",
    presets: "Examples", emotion: "Emotion", voice: "Voice", intensity: "Intensity", speed: "Speed", pitch: "Pitch",
    key: "Access key", speak: "Speak", stop: "Stop", result: "Result", format: "Format", download: "Download",
    curl: "The same as a curl command", copy: "Copy", copied: "Copied", history: "History", clear: "Clear", again: "Use again",
    historyEmpty: "What you had spoken on this device is shown here. It is not uploaded.", count: "{n} / {most} characters",
    countOver: "{n} / {most} characters, {over} too many", markup: "SSML is understood as well, for example:",
    encoding: "Making the {format} file… {s} s",
    working: "Speaking… {s} s ready", ready: "Done: {s} s", stopped: "Stopped", wave: "Waveform, {s} s. Click to seek", other: "中文",
    neutral: "Neutral", happy: "Happy", sad: "Sad", angry: "Angry", fear: "Fearful", hate: "Disgusted", surprise: "Surprised",
    unreachable: "The service cannot be reached. Check the network and try again.", broken: "The sound broke off. Try again.",
    invalid_field: "“{field}” is not valid: {message}", text_too_long: "The text is too long: {message}",
    nothing_to_speak: "There is nothing to speak. Enter some text.", audio_too_long: "This would be too much audio. Shorten the text.",
    unsupported: "This voice cannot do that: {message}", unauthorized: "A valid access key is needed.",
    busy: "Too many requests. Try again in {retry} s.", unavailable: "The voice is not available now. Try again soon.",
    loading: "The voice is still loading. Try again soon.", voice_failed: "The voice could not be started. Ask the operator.",
    voice_crashed: "The voice failed on this text. Try again.", overloaded: "The service is busy. Try again soon.",
    deadline_exceeded: "It took too long. Shorten the text.",
    talk: "Talk", microphone: "Press and speak", enough: "That was it", hush: "Interrupt", listening: "Listening…",
    asking: "Answering…", heardNothing: "Nobody was heard.",
    no_microphone: "The microphone cannot be used: allow it, or connect one.",
    bad_audio: "The recording cannot be read. Try again.", responder_failed: "Nobody can answer now. Try again soon.",
    text_missing: "There is nothing to speak. Enter some text.", codec_crashed: "The file could not be made. Try again.",
    too_much_sound: "This is too much sound for one file of this format. Shorten the text, or take another format.",
    other_error: "Something went wrong ({code}): {message}",
  },
};

let language = localStorage.getItem("language") === "en" ? "en" : "zh";

export function word(name, values = {}) {
  const text = WORDS[language][name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => values[key] ?? whole);
}

export function known(name) {
  return name in WORDS[language];
}

export function otherLanguage() {
  language = language === "zh" ? "en" : "zh";
  localStorage.setItem("language", language);
}

export function translate() {
  document.documentElement.lang = language === "zh" ? "zh-CN" : "en";
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) element.textContent = word(element.dataset.word);
  for (const element of document.querySelectorAll("[data-hint]")) element.placeholder = word(element.dataset.hint);
}
