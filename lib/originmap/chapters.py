"""Chapters: what a briefing tells of one place, in whole sentences; every number in them is a figure of the catalogue."""

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

import pandas as pd

from originmap import annexes, corrections, figures, gaps, gazette, plates, progress, reconcile, seasons, vocab
from originmap.catalogue import Catalogue
from originmap.manuscript import UNKNOWN, Block, Cell, Figure, Paragraph, Picture, Table, plain, spans
from originmap.picks import safe
from originmap.provenance import COUNTY, LISTED, Frames, alert_ids
from originmap.rounds import Round
from originmap.selection import Selection, filters

Profile = Literal["internal", "public"]
_NEXT_PERIODS: Final = 5
_LISTED_TOWNS: Final = 4
_STEPS_MM: Final = 112.0


def moment_text(at: datetime) -> str:
    """Return a moment as documents write it, the hour where it is not the day's end.

    >>> moment_text(datetime(2023, 3, 15, 17)), moment_text(datetime(2023, 3, 31, 23, 59, 59))
    ('2023年3月15日17时', '2023年3月31日')
    """
    hour = "" if (at.hour, at.minute) == (23, 59) else f"{at.hour}时" + (f"{at.minute}分" if at.minute else "")
    return f"{at.year}年{at.month}月{at.day}日{hour}"


class Teller:
    """Tells one place's chapters; the words differ a little between a township and the county."""

    def __init__(self, round_: Round, frames: Frames, figures: Catalogue, profile: Profile, code: str) -> None:
        self.round_, self.frames, self.figures, self.profile = round_, frames, figures, profile
        self.code = code
        self.key = code or COUNTY
        self.name = self.round_.places.names.get(code, "")
        self.who = self.name or "全县"
        self.products = self.round_.rules.products
        states = self.frames.states
        self.states = states[states["township_code"] == code] if code else states

    def fill(self, text: str, **more: object) -> Cell:
        """Return a text with its holes filled; {P_records} is the place's own figure, P-<place>-records."""
        holes = set(re.findall(r"\{([A-Z]_\w+)\}", text))
        own = {hole: self.figures[f"{hole[0]}-{self.key}-{hole[2:]}"] for hole in holes}
        return spans(text, **(own | more))

    def say(self, text: str, **more: object) -> Paragraph:
        return Paragraph(self.fill(text, **more))

    # ---- one ----

    def situation(self) -> tuple[Block, ...]:
        opening = f"截至{moment_text(self.round_.as_of)}，"
        due = self.states[self.states["progress"] != "not_due"]
        if due.empty:
            return (self.say(f"{opening}{self.who}各品种都还没有到报送的时候。"),)
        if not self.code:
            none = self._none(due) if self.profile == "internal" else ""
            first = f"{opening}全县{{P_towns}}个乡镇中，应报品种全部报齐{{P_full}}个、部分报送{{P_part}}个、没有报送{{P_none}}个{none}。"
            first += "按乡镇和品种计，应报{P_due}个，已报{P_reported}个，零报告{P_zero}个，未报{P_open}个"
            first += "；其中逾期未报{P_overdue}个，涉及{P_overdue_towns}个乡镇；迟报{P_late}个；来件没有登记收到时间、未判迟早的{P_unregistered}个。"
        elif self._came():
            first = (
                f"{opening}{self.who}应报{{P_due}}个品种，已报{{P_reported}}个，零报告{{P_zero}}个，未报{{P_open}}个"
            )
            first += "；其中逾期未报{P_overdue}个，迟报{P_late}个，来件没有登记收到时间的{P_unregistered}个。"
        else:
            first = f"{opening}{self.who}应报{{P_due}}个品种，没有收到任何来件，逾期未报{{P_overdue}}个。以下各项因此没有数据，以“—”表示，不是 0。"
        second = "采用采集记录{G_records}条，涉及主体{S_all}个（各品种间去重，含产地收购商{S_buyers}个）。"
        second += "其中达到规模、应列入附件1的{P_records}条，平台已录入{P_uploaded}条，未录入{P_not_uploaded}条；待更正{P_to_mend}条。"
        made: list[Block] = [self.say(first)]
        if not self.code or self._came():
            made.append(self.say(second))
        whole = self.profile == "internal" and not self.code
        return (*made, self._by_product(), *([self._by_township()] if whole else []))

    def _came(self) -> bool:
        return bool(self.states["progress"].isin(progress.ARRIVED).any())

    def _none(self, due: pd.DataFrame) -> str:
        done = due["progress"].isin(["reported", "zero"]).groupby(due["township"], sort=False).any()
        silent = list(done.index[~done])
        return f"（{'、'.join(silent)}）" if silent else ""

    def _by_product(self) -> Table:
        rows = []
        for code, product in self.products.items():
            state = self.states[self.states["product"] == code]
            own: list[Cell] = [(self.figures[f"S-{self.key}-{code}-{which}"],) for which in ("subjects", "size")]
            said = (_state(state.iloc[0]),) if self.code else (annexes.day_text(state["upload_by"].iat[0]),)
            day = annexes.day_text(state["report_by"].iat[0])
            rows.append(((product.name,), said, (day,), *own, (vocab.code("size_unit", product.unit),)))
        head = ("品种", "报送情况", "报送期限") if self.code else ("品种", "录入期限", "报送期限")
        return Table(
            "各品种报送和采集情况", (*head, "主体数(个)", "规模", "规模单位"), tuple(rows), (22, 30, 34, 24, 28, 18)
        )

    def _by_township(self) -> Table:
        rows = []
        for _, own in self.states.groupby("township_code"):
            by = {row["product"]: row for _, row in own.iterrows()}
            rows.append(((own["township"].iat[0],), *[(_state(by[code]),) for code in self.products]))
        head = ("乡镇", *[product.name for product in self.products.values()])
        return Table("各乡镇分品种报送情况", head, tuple(rows), (20, *[17] * len(self.products)), left=(0,),
                     note="迟：收到时已过期限；逾期：期限已过没有报来；未读：来了件，读不出这个品种。")  # fmt: skip

    # ---- two ----

    def bases(self) -> tuple[Block, ...]:
        if not self.figures[f"G-{self.key}-located"].value:
            return (self.say(f"{self.who}没有已定位的采用记录，不附图。"),)
        text = "采用的{G_records}条记录中，已定位{G_located}条，见下图；没有定位的不画在图上，待补坐标。"
        if self.profile == "public":
            text += gazette.GRID_NOTE
        if self.round_.places.quality != "official":
            text += "县界为概化示意，" + (
                "图仅供内部工作使用。" if self.profile == "internal" else "地图公开前须送审。"
            )
        round_ = self.round_
        furniture = figures.furniture(round_, profile=self.profile)
        drawn = plates.bases(round_, furniture, township_code=self.code)
        size = "规模" if self.profile == "internal" else "一格内的主体数（点位归到网格，不足三个主体的不画）"
        told = f"{self.who}重点农产品产地分布图，颜色和形状为品种，大小为{size}"
        return (self.say(text), Picture(f"{self.who}重点农产品产地分布", drawn, plates.WIDTH_MM, told))

    # ---- three ----

    def compared(self) -> tuple[Block, ...]:
        crops = self.round_.rules.baseline_products
        if self.profile == "public":
            return tuple(self._compared(code) for code in crops)
        gap = {code: self.figures[f"A-{self.key}-{code}-gap"].value for code in crops}
        made: list[Block] = [self._compared(code) for code in crops]
        drawn = [code for code in crops if gap[code] is not None]
        if self.code:
            drawn = sorted(drawn, key=lambda code: -abs(gap[code] or 0))[:1]
        for code in drawn:
            steps = gaps.waterfall(self.frames.linked, self.frames.gaps, product=code, township_code=self.code)
            name = self.products[code].name
            picture = plates.steps(steps, title=f"{name}面积差额构成")
            if picture:
                of = "" if self.code else "底数、名录、采集齐全的乡镇，"
                made.append(
                    Picture(
                        f"{self.who}{name}面积差额构成（{of}单位：亩）",
                        picture,
                        _STEPS_MM,
                        f"{name}从附件5底数到采集面积的逐项差额",
                    )
                )
        if any(value is not None for value in gap.values()):
            made.append(self._reasons(crops))
        return tuple(made)

    def _compared(self, code: str) -> Paragraph:
        name, key = self.products[code].name, self.key
        parts = ("baseline", *(["registry"] if self.profile == "internal" else []), "collected", "gap", "coverage")
        own = {which: self.figures[f"A-{key}-{code}-{which}"] for which in parts}
        listed = "名录{registry}亩，" if "registry" in own else ""
        if own["gap"].value is None:
            text = f"{name}：附件5底数{{baseline}}亩，{listed}采集{{collected}}亩；"
            return self.say(f"{text}{self._why(code, own['gap'])}，差额无从算起。", **own)
        if listed and own["registry"].value is None:
            listed = "名录没有报齐、不计合计，"
        text = f"{name}：附件5底数{{baseline}}亩，{listed}采集{{collected}}亩，差额{{gap}}亩，采集占底数{{coverage}}%"
        over = "；采集多于底数，须核实是否多茬相加、单位混用或重复填报" if (own["gap"].value or 0) < 0 else ""
        if self.code:
            return self.say(f"{text}{over}。", **own)
        towns = self.figures[f"A-{key}-{code}-towns"]
        return self.say(f"{text}（只计底数、采集均已知的{{towns}}个乡镇）{over}。", **own, towns=towns)

    def _why(self, code: str, gap: Figure) -> str:
        """Return why nobody can say how large a difference is."""
        if gap.sign != UNKNOWN:
            return "采集面积不公开"
        rows = self.frames.gaps[self.frames.gaps["product"] == code].set_index("township_code")
        if not self.code:
            return "没有底数和采集面积都齐全的乡镇"
        return vocab.code("gap_status", str(rows.loc[self.code, "gap_status"]))

    def _reasons(self, crops: list[str]) -> Table:
        where = self.code or LISTED
        rows = []
        for term in ("gap", *reconcile.TERMS):
            sign = "" if term == "gap" else "＋" if reconcile.SIGNS[term] > 0 else "－"
            own: list[Cell] = [(self.figures[f"A-{where}-{code}-{term}"],) for code in crops]
            word = "差额" if term == "gap" else vocab.code("step", term)
            what = ("—", "—") if term == "gap" else (vocab.code("action", term), vocab.code("responsible", term))
            rows.append(((sign + word,), *own, *[(text,) for text in what]))
        names = [f"{self.products[code].name}(亩)" for code in crops]
        of = "" if self.code else "（底数、名录、采集齐全的乡镇）"
        return Table(
            f"差额的构成和处理{of}",
            ("构成", *names, "怎样处理", "由谁处理"),
            tuple(rows),
            (26, *[20] * len(crops), 42, 36),
            left=(0, len(crops) + 1, len(crops) + 2),
        )

    def selected(self, selections: Mapping[str, Selection]) -> tuple[Block, ...]:
        """Tell what named selections of the one map come to here."""
        made: list[Block] = []
        for name, selection in selections.items():
            said = "，".join(filters(selection, self.round_.rules, places=self.round_.places))
            rows: list[tuple[Cell, ...]] = []
            for code, product in self.products.items():
                start = f"N-{self.key}-{safe(name)}-{code}"
                own = [self.figures.figures.get(f"{start}-{which}") for which in ("records", "subjects", "size")]
                if own[0] is not None:
                    rows.append(
                        (
                            (product.name,),
                            *[(one,) for one in own if one is not None],
                            (vocab.code("size_unit", product.unit),),
                        )
                    )
            if not rows:
                made.append(self.say(f"“{name}”（{said}）：{self.who}没有符合的记录。"))
                continue
            made.append(self.say(f"“{name}”（{said}）：{self.who}符合的记录如下。"))
            head = ("品种", "记录(条)", "主体数(个)", "规模", "规模单位")
            made.append(Table(f"{self.who}“{name}”", head, tuple(rows), (30, 30, 30, 36, 30)))
        return tuple(made)

    # ---- four ----

    def market(self) -> tuple[Block, ...]:
        now = seasons.period(self.round_.as_of.date())
        ahead = [(now + step) % seasons.PERIODS for step in range(_NEXT_PERIODS)]
        rows = []
        for code, product in self.products.items():
            cells_: list[Cell] = []
            for at in ahead:
                start = f"M-{self.key}-{at + 1:02d}-{code}"
                pair = [self.figures.figures.get(f"{start}-{which}") for which in ("subjects", "size")]
                cells_.append(("",) if pair[0] is None or pair[1] is None else (pair[0], "/", pair[1]))
            if any(plain(cell) for cell in cells_):
                rows.append(((f"{product.name}({vocab.code('size_unit', product.unit)})",), *cells_))
        start, end = seasons.period_text(ahead[0]), seasons.period_text(ahead[-1])
        if not rows:
            return (self.say(f"{self.who}采用的记录中，{start}至{end}没有填报上市的品种。"),)
        text = f"{self.who}{start}至{end}上市的品种如下，斜线前为主体数（个），后为规模；空白为该旬没有上市。上市前后是抽检的重点时段。"
        head = ("品种", *[seasons.period_text(at) for at in ahead])
        return (self.say(text), Table("近期上市时间", head, tuple(rows), (22, *[27] * len(ahead)), left=(0,)))

    # ---- five ----

    def late(self) -> tuple[Block, ...]:
        listed = self.frames.alerts
        listed = listed[listed["township_code"] == self.code] if self.code else listed
        if listed.empty:
            return (self.say(f"{self.who}没有迟报、逾期、信息陈旧等事项。"),)
        words = vocab.codes("alert")
        if self.code:
            return self._township_alerts(listed, words)
        rows = []
        for kind, part in ((kind, listed[listed["alert"] == kind]) for kind in words):
            if part.empty:
                continue
            towns = list(dict.fromkeys(part["township"]))
            said = "、".join(towns[:_LISTED_TOWNS]) + ("等" if len(towns) > _LISTED_TOWNS else "")
            rows.append(((words[kind],), (self.figures[f"W-{COUNTY}-{kind}"],), (said,), (part["closes"].iat[0],)))
        text = "按通知要求核对采集是否及时、更新是否及时、信息是否明显有误，发现下列事项（以乡镇和品种计），逐条见预警清单。"
        return (
            self.say(text),
            Table(
                "迟报、逾期和信息陈旧",
                ("事项", "项数", "涉及乡镇", "怎样算了结"),
                tuple(rows),
                (30, 11, 57, 62),
                left=(0, 2, 3),
            ),
        )

    def _township_alerts(self, listed: pd.DataFrame, words: Mapping[str, str]) -> tuple[Block, ...]:
        rows = []
        numbers = alert_ids(listed)
        for number, row in zip(numbers, listed.to_dict("records"), strict=True):
            product = self.products[row["product"]].name if isinstance(row["product"], str) else "—"
            since = annexes.day_text(row["since"])
            rows.append(
                (
                    (words[row["alert"]],),
                    (product,),
                    (row["what"],),
                    (self.figures[number],),
                    (since,),
                    (row["closes"],),
                )
            )
        head = ("事项", "品种", "情况", "数目", "自何时起", "怎样算了结")
        table = Table("迟报、逾期和信息陈旧", head, tuple(rows), (27, 11, 49, 9, 31, 33), left=(0, 2, 5))
        return (self.say(f"{self.who}有下列事项须办理，“数目”为涉及的主体、记录或乡镇品种数。"), table)

    # ---- six ----

    def rectification(self) -> tuple[Block, ...]:
        if not self.figures[f"C-{self.key}-items"].value:
            return (self.say(f"{self.who}来件中没有须更正的问题。"),)
        deadline = annexes.day_text(pd.Timestamp(corrections.deadline(self.round_)[:10]))
        if self.code:
            who = progress.responsible(self.round_, self.code) or "（责任人待报）"
            return (
                self.say(
                    f"{self.who}来件中有{{C_items}}处问题须核实更正，请于{deadline}前整改完毕，连同原表交回县农业农村局。责任人：{who}。逐条见附表“更正清单”。"
                ),
            )
        rows = []
        for code, name in self.round_.places.names.items():
            items = self.figures[f"C-{code}-items"]
            if items.value:
                who = progress.responsible(self.round_, code) or "待报"
                rows.append(((name,), (items,), (self.figures[f"P-{code}-to_mend"],), (deadline,), (who,)))
        head = ("乡镇", "问题(处)", "待更正记录(条)", "整改时限", "责任人及电话")
        text = f"全县来件中有{{C_items}}处问题须核实更正，请各乡镇于{deadline}前整改完毕，连同原表交回。逐条见各乡镇简报的更正清单。"
        return (self.say(text), Table("整改清单", head, tuple(rows), (24, 20, 30, 34, 52), left=(0, 4)))

    # ---- seven ----

    def duties(self) -> tuple[Block, ...]:
        def here(listed: pd.DataFrame) -> pd.Series:
            county = listed["level"] == "county"
            return county | (listed["township_code"] == self.code) if self.code else county

        table = annexes.contacts(self.round_, only=here, caption="责任分工")
        if table is None:
            return (self.say("没有收到附件2工作联系方式，责任人待报。"),)
        also = "" if self.code else "各乡镇的见附表“工作联系方式”。"
        text = f"牵头负责人对本单位采集工作负总责，具体责任人按分工品种负责采集、核对和录入。{also}"
        months = sorted(self.round_.contacts["round"].dropna().unique())
        if months and months != [self.round_.name]:
            text += f"联系方式取自{months[-1]}批次的附件2。"
        missing = self.frames.alerts[self.frames.alerts["alert"].isin(["no_lead", "no_keeper"])]
        missing = missing[missing["township_code"] == self.code] if self.code else missing
        if len(missing):
            words = vocab.codes("alert")
            text += "；".join(f"{row.township}{words[row.alert]}" for row in missing.itertuples()) + "，请补报。"
        return (self.say(text), table)


def _state(row: pd.Series) -> str:
    """Return in a word where a township's product stands."""
    word = {"not_due": "未要求", "zero": "零报告", "unread": "未读", "reported": "已报"}.get(row["progress"], "")
    if word:
        return word + ("(迟)" if row["timeliness"] == "late" else "")
    return "逾期" if row["timeliness"] == "overdue" else "未报"
