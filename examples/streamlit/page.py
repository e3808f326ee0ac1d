"""The page: throws dice and shows how often each number came."""

import streamlit
from dice import throws

streamlit.title("Dice")
count = streamlit.slider("Throws", 10, 10_000, 6000)
table = throws(count)
streamlit.bar_chart(table.value_counts().sort_index())
streamlit.metric("mean", f"{table.mean():.1f}")
