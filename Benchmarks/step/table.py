"""Tables as aligned text and as Markdown."""

from dataclasses import dataclass, field


@dataclass
class Table:
    """The first column is text and to the left, the others too where `left` names them."""

    title: str
    columns: list[str]
    rows: list[list[str]] = field(default_factory=list)
    left: set[str] = field(default_factory=set)
    notes: list[str] = field(default_factory=list)

    def is_left(self, place: int) -> bool:
        return place == 0 or self.columns[place] in self.left

    def text(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(len(line[place]) for line in lines) for place in range(len(self.columns))]

        def aligned(line: list[str]) -> str:
            cells = (
                cell.ljust(width) if self.is_left(place) else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(line, widths))
            )
            return "  " + "  ".join(cells).rstrip()

        rule = "  " + "  ".join("-" * width for width in widths)
        body = [aligned(self.columns), rule, *map(aligned, self.rows)]
        return "\n".join([self.title, *body, *(f"  {note}" for note in self.notes)])

    def markdown(self) -> str:
        def line(cells: list[str]) -> str:
            return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

        rule = "|" + "|".join("---" if self.is_left(place) else "---:" for place in range(len(self.columns))) + "|"
        body = [f"### {self.title}", "", line(self.columns), rule, *map(line, self.rows)]
        return "\n".join([*body, *(f"\n{note}" for note in self.notes)])
