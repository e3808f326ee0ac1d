// Examples to start from.

export const PRESETS = [
  { zh: "新闻播报", en: "News", text: "各位听众，早上好。今天是2024年3月5日，气温-2℃，降水概率30%。", emotion: "neutral", speed: 1.1 },
  { zh: "讲故事", en: "Story", text: "很久很久以前，森林里住着一只小狐狸。有一天，它发现了一个秘密！", emotion: "happy", speed: 0.9 },
  { zh: "道歉", en: "Apology", text: "非常抱歉，让您久等了。我们会尽快为您处理。", emotion: "sad", speed: 0.95 },
  { zh: "惊喜", en: "Surprise", text: "什么？我们真的中奖了！奖金有￥12.5万！", emotion: "surprise", intensity: 1.3 },
];
