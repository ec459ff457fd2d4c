"""The error codes of Binance's spot interface. https://developers.binance.com/docs/binance-spot-api-docs/errors.

The matching engine has one code for everything that it refuses. A fixed message tells the cases apart. Codes of FIX
and WebSocket sessions, order lists, margin loans and withdrawals are left out, because nothing here can receive them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from moniqo_core.venues.exchanges import refusals as means
from moniqo_core.venues.exchanges.refusals import Refusal

_ENGINE_MESSAGES: Final[Mapping[str, Refusal]] = {
    "Account has insufficient balance for requested action.": means.FUNDS,
    "Cancel order is invalid. Check origClOrdId and orderId.": means.UNKNOWN_ORDER,
    "Duplicate order sent.": means.DUPLICATE,
    "Iceberg orders are not supported for this symbol.": means.INVALID,
    "IcebergQty exceeds QTY.": means.INVALID,
    "Market is closed.": means.PAUSED_MARKET,
    "Market orders are not supported for this symbol.": means.INVALID,
    "OCO orders are not supported for this symbol": means.INVALID,
    "Order amend is not supported for this symbol.": means.INVALID,
    "Order book liquidity is less than LOT_SIZE filter minimum quantity.": means.UNFILLABLE,
    "Order book liquidity is less than MARKET_LOT_SIZE filter minimum quantity.": means.UNFILLABLE,
    "Order book liquidity is less than symbol minimum quantity.": means.UNFILLABLE,
    "Order cancel-replace is not supported for this symbol.": means.INVALID,
    "Order was not canceled due to cancel restrictions.": means.CANCEL_REFUSED,
    "Order would immediately match and take.": means.WOULD_TAKE,
    "Order would trigger immediately.": means.TRIGGERED,
    "Price * QTY is zero or less.": means.SIZE,
    "Quote order qty market orders are not support for this symbol.": means.INVALID,
    "Rest API trading is not enabled.": means.LOCKED,
    "Stop loss limit orders are not supported for this symbol.": means.INVALID,
    "Stop loss orders are not supported for this symbol.": means.INVALID,
    "Take profit limit orders are not supported for this symbol.": means.INVALID,
    "Take profit orders are not supported for this symbol.": means.INVALID,
    "The relationship of the prices for the orders is not correct.": means.INVALID,
    "This account may not place or cancel orders.": means.LOCKED,
    "This action is disabled on this account.": means.LOCKED,
    "This symbol is not permitted for this account.": means.ACCOUNT,
    "This symbol is restricted for this account.": means.ACCOUNT,
    "Trailing stop orders are not supported for this symbol.": means.INVALID,
    "Unknown order sent.": means.UNKNOWN_ORDER,
    "Unsupported order combination": means.INVALID,
}
_CANCELLING: Final = {means.LOCKED: means.CANCEL_FORBIDDEN, means.ACCOUNT: means.CANCEL_FORBIDDEN}
_FILTERS: Final[Mapping[str, Refusal]] = {
    "Filter failure: PERCENT_PRICE": means.PRICE_BAND,
    "Filter failure: PERCENT_PRICE_BY_SIDE": means.PRICE_BAND,
    "Filter failure: MAX_NUM_ORDERS": means.TOO_MANY_ORDERS,
    "Filter failure: MAX_NUM_ALGO_ORDERS": means.TOO_MANY_ORDERS,
    "Filter failure: MAX_NUM_ICEBERG_ORDERS": means.TOO_MANY_ORDERS,
    "Filter failure: EXCHANGE_MAX_NUM_ORDERS": means.TOO_MANY_ORDERS,
    "Filter failure: EXCHANGE_MAX_NUM_ALGO_ORDERS": means.TOO_MANY_ORDERS,
    "Filter failure: MAX_POSITION": means.ACCOUNT,
}
_MALFORMED: Final = (
    -1014, -1020, -1100, -1101, -1102, -1103, -1104, -1105, -1106, -1108, -1111, -1114, -1115, -1116, -1117, -1118,
    -1119, -1120, -1122, -1127, -1128, -1130, -1131, -1134, -1135, -1139, -1145, -1152, -1153, -1155, -1161, -1182,
    -1194, -1210, -1211, -2039,
)  # fmt: skip

REFUSALS: Final[Mapping[str, Refusal]] = {
    **{f"{code} {text}": mean for code in (-1010, -1013, -2010) for text, mean in _ENGINE_MESSAGES.items()},
    **{f"-2011 {text}": _CANCELLING.get(mean, mean) for text, mean in _ENGINE_MESSAGES.items()},
    **{f"-1013 {text}": mean for text, mean in _FILTERS.items()},
    **{str(code): means.INVALID for code in _MALFORMED},
    "-1000": means.VENUE_FAILURE,
    "-1001": means.VENUE_FAILURE,
    "-1002": means.KEY,
    "-1003": means.RATE_LIMIT,
    "-1004": means.BUSY,
    "-1006": means.VENUE_FAILURE,
    "-1007": means.VENUE_FAILURE,
    "-1008": means.BUSY,
    "-1010": means.MARKET_CONDITION,
    "-1013": means.SIZE,
    "-1015": means.RATE_LIMIT,
    "-1016": means.MAINTENANCE,
    "-1021": means.CLOCK,
    "-1022": means.KEY,
    "-1034": means.RATE_LIMIT,
    "-1099": means.KEY,
    "-1112": means.UNFILLABLE,
    "-1121": means.SYMBOL,
    "-1151": means.SYMBOL,
    "-1220": means.SYMBOL,
    "-2008": means.KEY,
    "-2010": means.MARKET_CONDITION,
    "-2011": means.UNKNOWN_ORDER,
    "-2013": means.UNKNOWN_ORDER,
    "-2014": means.KEY,
    "-2015": means.KEY,
    "-2016": means.PAUSED_MARKET,
    "-2021": means.VENUE_FAILURE,
    "-2022": means.VENUE_FAILURE,
    "-2026": means.UNKNOWN_ORDER,
}
