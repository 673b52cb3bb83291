"""Operations by subject, each a desk: pairs, reviews, controls, links, plans, declarations."""
